#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes accounts in a Samba domain controller's own database files, whether it runs or not.

usage: samba-accounts.py SMB_CONF FOLDER    with one order per line on stdin:
  domain DC_HOST             what a fresh domain needs: see new_domain
  user NAME                  its key in users.keytab, its password in the file passwords
  client NAME                the key of a user in client.keytab, too
  installer NAME             may write servicePrincipalName of the accounts in CN=Computers
  computer NAME HOST         the account NAME$ of that host, its key in service.keytab; nothing
                             when it exists
  spn COMPUTER NAME          a service principal name of it, with its key in service.keytab

seal-realm runs this. It is Python because samba-tool is: one process in place of twenty.
"""
import base64
import os
import sys

try:
    import ldb
    from samba import enable_net_export_keytab
    from samba.auth import system_session
    from samba.credentials import Credentials
    from samba.net import Net
    from samba.param import LoadParm
    from samba.samdb import SamDB
    from samba.sd_utils import SDUtils
except ImportError as problem:
    sys.exit("%s; run: apt-get install python3-samba" % problem)

AES_ONLY = "24"  # without it, Samba issues tickets of the type RC4
NORMAL_COMPUTER = "4096"
# Write property (WP) servicePrincipalName of objects of the class computer below (CI, IO).
WRITE_SPN = ("(OA;CIIO;WP;f3a64788-5306-11d1-a9c5-0000f80367c1;"
             "bf967a86-0de6-11d0-a285-00aa003049e2;%s)")


class Domain:
    def __init__(self, smb_conf, folder):
        self.folder = folder
        self.parameters = LoadParm()
        self.parameters.load(smb_conf)
        self.database = SamDB(session_info=system_session(), lp=self.parameters)
        self.credentials = Credentials()
        self.credentials.guess(self.parameters)
        self.keys = []  # (principal, keytab): exported when all is written

    def modify(self, dn, **attributes):
        message = ldb.Message(ldb.Dn(self.database, str(dn)))
        for name, value in attributes.items():
            message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name.replace("_", "-"))
        self.database.modify(message)

    def search(self, account):
        return self.database.search(base=self.database.domain_dn(), scope=ldb.SCOPE_SUBTREE,
                                    expression="(sAMAccountName=%s)" % ldb.binary_encode(account))

    def find(self, account):
        found = self.search(account)
        if len(found) != 1:
            sys.exit("there is no account %s" % account)
        return found[0]

    def add_spn(self, account, spn):
        message = ldb.Message(self.find(account).dn)
        message["spn"] = ldb.MessageElement(spn, ldb.FLAG_MOD_ADD, "servicePrincipalName")
        self.database.modify(message)

    def new_domain(self, host):
        """The DC's own name as an LDAP server, which its DNS updater would register; passwords
        that may be as they are and never expire."""
        self.add_spn(host.split(".")[0] + "$", "ldap/" + host)
        self.database.set_pwdProperties("0")
        self.database.set_minPwdLength("0")
        self.database.set_minPwdAge("0")
        self.database.set_maxPwdAge("0")

    def new_user(self, name):
        password = base64.b64encode(os.urandom(15)).decode()
        self.database.newuser(name, password)
        self.modify(self.find(name).dn, msDS_SupportedEncryptionTypes=AES_ONLY)
        with open(os.path.join(self.folder, "passwords"), "a", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as passwords:
            passwords.write("%s %s\n" % (name, password))
        self.keys.append((name, "users.keytab"))

    def new_computer(self, name, host):
        found = self.search(name + "$")
        if len(found) == 1 and str(found[0].get("dNSHostName")) == host:
            return
        if found:
            sys.exit("the account %s$ is that of %s; %s would need the same one"
                     % (name, found[0].get("dNSHostName"), host))
        password = base64.b64encode(os.urandom(30)).decode()
        self.database.add({
            "dn": "CN=%s,CN=Computers,%s" % (name, self.database.domain_dn()),
            "objectClass": "computer",
            "sAMAccountName": name + "$",
            "userAccountControl": NORMAL_COMPUTER,
            "unicodePwd": ('"%s"' % password).encode("utf-16-le"),
            "dNSHostName": host,
            "msDS-SupportedEncryptionTypes": AES_ONLY,
        })
        self.keys.append((name + "$", "service.keytab"))

    def new_spn(self, computer, spn):
        self.add_spn(computer + "$", spn)
        self.keys.append((spn, "service.keytab"))

    def delegate(self, name):
        sid = self.database.schema_format_value("objectSid", self.find(name)["objectSid"][0])
        SDUtils(self.database).dacl_add_ace("CN=Computers,%s" % self.database.domain_dn(),
                                            WRITE_SPN % sid.decode())

    def obey(self, order, *words):
        orders = {"domain": self.new_domain, "user": self.new_user, "computer": self.new_computer,
                  "spn": self.new_spn, "installer": self.delegate,
                  "client": lambda name: self.keys.append((name, "client.keytab"))}
        orders[order](*words)

    def export_keys(self):
        enable_net_export_keytab()
        net = Net(self.credentials, self.parameters)
        for principal, keytab in self.keys:
            net.export_keytab(keytab=os.path.join(self.folder, keytab), principal=principal)


def main():
    domain = Domain(sys.argv[1], sys.argv[2])
    domain.database.transaction_start()
    try:
        for line in sys.stdin:
            domain.obey(*line.split())
        domain.database.transaction_commit()
    except BaseException as problem:
        domain.database.transaction_cancel()
        if isinstance(problem, ldb.LdbError):
            sys.exit("'%s': %s" % (line.strip(), problem.args[1]))
        raise
    domain.export_keys()


main()
