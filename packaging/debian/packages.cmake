# CPack's Debian packages, made by `make deb`, which sets the prefix to /usr.
set(MIG_PACKAGE_MAINTAINER "mig-runner developers <mig-runner@example.net>" CACHE STRING
  "Who stands in the packages as their maintainer")

if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  # %z is not known to string(TIMESTAMP); the time is in UTC and follows SOURCE_DATE_EPOCH.
  string(TIMESTAMP PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
  foreach(component ${components})
    set(package mig-${component})
    set(PACKAGE ${package})
    configure_file(debian/changelog.in ${package}.changelog @ONLY)
    add_custom_command(OUTPUT ${package}.changelog.gz
      COMMAND ${GZIP} -9n < ${package}.changelog > ${package}.changelog.gz DEPENDS ${package}.changelog VERBATIM)
    add_custom_target(changelog-${package} DEPENDS ${package}.changelog.gz)
    add_dependencies(man changelog-${package})
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${package}.changelog.gz RENAME changelog.gz
      DESTINATION share/doc/${package} COMPONENT ${component})
    install(FILES debian/copyright DESTINATION share/doc/${package} COMPONENT ${component})
  endforeach()
  if(MIG_SANDBOX)
    install(FILES debian/mig-sandbox.lintian-overrides RENAME mig-sandbox
      DESTINATION share/lintian/overrides COMPONENT sandbox)
  endif()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mig-runner)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${MIG_PACKAGE_MAINTAINER})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_RUNNER_PACKAGE_NAME mig-runner)
set(CPACK_DEBIAN_RUNNER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_RUNNER_PACKAGE_DEPENDS
  "init-system-helpers (>= 1.52), systemd | systemd-standalone-sysusers | systemd-sysusers, systemd | systemd-standalone-tmpfiles | systemd-tmpfiles")
set(CPACK_DEBIAN_RUNNER_PACKAGE_RECOMMENDS "ca-certificates, gpg, gpg-agent, tzdata")
set(CPACK_DEBIAN_RUNNER_PACKAGE_SUGGESTS "jq, mig-sandbox, python3")
set(CPACK_COMPONENT_RUNNER_DESCRIPTION
"runs investigations on a MIG fleet on a schedule
Signs investigations for MIG (Mozilla InvestiGator), posts them to the MIG API
at their times, waits for them to expire, collects the results of every agent,
stores them as JSON and pipes them into plugins of the operator.
.
It takes the place of MIG's own runner, with the same files and protocol: it
loses no result, launches nothing twice and says what did not answer.")
set(CPACK_DEBIAN_RUNNER_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_RUNNER_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_SOURCE_DIR}/debian/conffiles ${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst
  ${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm ${CMAKE_CURRENT_SOURCE_DIR}/debian/postrm)

set(CPACK_DEBIAN_SANDBOX_PACKAGE_NAME mig-sandbox)
set(CPACK_DEBIAN_SANDBOX_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_SANDBOX_PACKAGE_RECOMMENDS "gpg, gpg-agent, mig-runner")
set(CPACK_COMPONENT_SANDBOX_DESCRIPTION
"MIG API on loopback to try mig-runner against
Serves the API of MIG (Mozilla InvestiGator) on loopback, with simulated
agents, this machine as a real one and faults on demand. Its demonstration
shows mig-runner at work without any server.")

include(CPack)
