# `cmake --install`: header, libraries, nexus.pc, and a package for find_package(nexus). All of it can be moved.
include(CMakePackageConfigHelpers)

install(FILES "${PROJECT_SOURCE_DIR}/include/nexus.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(PROGRAMS "${nexus_stage}/${nexus_shared_file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${nexus_stage}/${nexus_shared_soname}" "${nexus_shared}" "${nexus_static}"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# pkg-config: relative to the file itself, so that a moved tree still works.
set(nexus_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH nexus_pc_prefix "/prefix/${nexus_pc_dir}" "/prefix")
string(REGEX REPLACE "/$" "" nexus_pc_prefix "${nexus_pc_prefix}")
list(TRANSFORM nexus_static_needs PREPEND "-l" OUTPUT_VARIABLE nexus_pc_private)
list(JOIN nexus_pc_private " " nexus_pc_private)
configure_file("${PROJECT_SOURCE_DIR}/cmake/nexus.pc.in" "${PROJECT_BINARY_DIR}/nexus.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/nexus.pc" DESTINATION "${nexus_pc_dir}")

set(nexus_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nexus")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/nexus-config.cmake.in"
  "${PROJECT_BINARY_DIR}/nexus-config.cmake"
  INSTALL_DESTINATION "${nexus_package_dir}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/nexus-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/nexus-config.cmake" "${PROJECT_BINARY_DIR}/nexus-config-version.cmake"
        DESTINATION "${nexus_package_dir}")
