# SPDX-License-Identifier: Apache-2.0
# Headers, libraries, programs, IDL, man pages; find_package(sealrpc) and pkg-config.
include(CMakePackageConfigHelpers)

set(SEALRPC_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/sealrpc)
install(DIRECTORY runtime/include/sealrpc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/runtime/include/sealrpc/version.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sealrpc)
install(TARGETS sealrpc EXPORT sealrpc-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS sealrpc_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT sealrpc-targets NAMESPACE sealrpc:: DESTINATION ${SEALRPC_CMAKE_DIR})

configure_package_config_file(cmake/sealrpc-config.cmake.in
  ${PROJECT_BINARY_DIR}/sealrpc-config.cmake INSTALL_DESTINATION ${SEALRPC_CMAKE_DIR}
  PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sealrpc-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sealrpc-config.cmake
  ${PROJECT_BINARY_DIR}/sealrpc-config-version.cmake cmake/SealrpcGenerate.cmake
  DESTINATION ${SEALRPC_CMAKE_DIR})

# The folder of the .pc file, seen from which the prefix is as many steps up as the path has parts.
set(SEALRPC_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  string(REGEX REPLACE "[^/]+" ".." SEALRPC_PC_PREFIX ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  set(SEALRPC_PC_PREFIX "\${pcfiledir}/${SEALRPC_PC_PREFIX}")
endif()
configure_file(cmake/sealrpc.pc.in ${PROJECT_BINARY_DIR}/sealrpc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sealrpc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY idl/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sealrpc/idl FILES_MATCHING PATTERN "*.proto")
file(GLOB manuals docs/man/*.1)
install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
file(GLOB manuals docs/man/*.7)
install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
