#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The RPC DsWriteAccountSpn of Active Directory, for "seal spn register --via rpc".

usage: ds-write-spn.py add|delete HOST ACCOUNT_DN SPN CCACHE
Exit status: 0 done; 1 refused; 3 the server could not be asked. What went wrong is on standard error.
"""
import sys


def fail(status, text):
    print("ds-write-spn: " + text, file=sys.stderr)
    sys.exit(status)


try:
    from samba import NTSTATUSError, WERRORError
    from samba.credentials import MUST_USE_KERBEROS, Credentials
    from samba.dcerpc import drsuapi, misc
    from samba.param import LoadParm
except ImportError as error:
    fail(3, "%s; run: apt-get install python3-samba" % error)

OPERATIONS = {
    "add": drsuapi.DRSUAPI_DS_SPN_OPERATION_ADD,
    "delete": drsuapi.DRSUAPI_DS_SPN_OPERATION_DELETE,
}


def bind(host, ccache):
    settings = LoadParm()
    credentials = Credentials()
    credentials.guess(settings)
    credentials.set_kerberos_state(MUST_USE_KERBEROS)
    credentials.set_named_ccache(ccache, 0, settings)
    connection = drsuapi.drsuapi("ncacn_ip_tcp:%s[seal]" % host, settings, credentials)
    info = drsuapi.DsBindInfoCtr()
    info.length = 28
    info.info = drsuapi.DsBindInfo28()
    info.info.supported_extensions = 0x7FFFFFFF
    return connection, connection.DsBind(misc.GUID(drsuapi.DRSUAPI_DS_BIND_GUID), info)[1]


def main(arguments):
    if len(arguments) != 5 or arguments[0] not in OPERATIONS:
        fail(2, __doc__.splitlines()[2])
    operation, host, account, spn, ccache = arguments
    request = drsuapi.DsWriteAccountSpnRequest1()
    request.operation = OPERATIONS[operation]
    request.unknown1 = 0
    request.object_dn = account
    name = drsuapi.DsNameString()
    name.str = spn
    request.spn_names = [name]
    request.count = 1
    try:
        connection, handle = bind(host, ccache)
        code, text = connection.DsWriteAccountSpn(handle, 1, request)[1].status
    except (NTSTATUSError, WERRORError, RuntimeError) as error:
        fail(3, "%s: %s" % (host, error))
    if code != 0:
        fail(1, "%s: %s" % (host, text))


main(sys.argv[1:])
