# `cmake --install`: headers, libraries, nexusfs.pc, a package for find_package(nexusfs), the program with its man pages
# and completions, documentation and examples. All of it can be moved.
#
# Three components, which are three packages: runtime (libnexusfs0), development (libnexusfs-dev), tools (nexusfs).
include(CMakePackageConfigHelpers)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)

# An installed tree is readable by all, whatever the umask of the build was.
function(nexus_install_directory from to)
  install(DIRECTORY "${from}" DESTINATION "${to}" COMPONENT development
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
    DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE
    ${ARGN})
endfunction()

# include/nexus/ belongs to another library. nexusfs.pc and the CMake package name this directory, so that programs include
# <nexus.h>.
set(nexus_include_dir "${CMAKE_INSTALL_INCLUDEDIR}/nexusfs")
install(FILES "${PROJECT_SOURCE_DIR}/include/nexus.h" "${PROJECT_SOURCE_DIR}/include/nexus.hpp"
        DESTINATION "${nexus_include_dir}")
nexus_install_directory("${PROJECT_SOURCE_DIR}/include/nexus" "${nexus_include_dir}" FILES_MATCHING PATTERN "*.hpp")
install(FILES "${nexus_stage}/${nexus_shared_file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
install(FILES "${nexus_stage}/${nexus_shared_soname}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
install(FILES "${nexus_shared}" "${nexus_static}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# pkg-config: relative to the file itself, so that a moved tree still works. A directory that was given as an absolute path stays
# where it is.
set(nexus_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(nexus_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH nexus_pc_prefix "/prefix/${nexus_pc_dir}" "/prefix")
  string(REGEX REPLACE "/$" "" nexus_pc_prefix "\${pcfiledir}/${nexus_pc_prefix}")
endif()
foreach(directory INCLUDEDIR LIBDIR)
  set(nexus_pc_${directory} "${CMAKE_INSTALL_${directory}}")
  if(NOT IS_ABSOLUTE "${nexus_pc_${directory}}")
    string(PREPEND nexus_pc_${directory} "\${prefix}/")
  endif()
endforeach()
list(TRANSFORM nexus_static_needs PREPEND "-l" OUTPUT_VARIABLE nexus_pc_private)
list(JOIN nexus_pc_private " " nexus_pc_private)
configure_file("${PROJECT_SOURCE_DIR}/cmake/nexusfs.pc.in" "${PROJECT_BINARY_DIR}/nexusfs.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/nexusfs.pc" DESTINATION "${nexus_pc_dir}")

set(nexus_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nexusfs")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/nexusfs-config.cmake.in"
  "${PROJECT_BINARY_DIR}/nexusfs-config.cmake"
  INSTALL_DESTINATION "${nexus_package_dir}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/nexusfs-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/nexusfs-config.cmake" "${PROJECT_BINARY_DIR}/nexusfs-config-version.cmake"
        DESTINATION "${nexus_package_dir}")

# Documentation, and the examples with a CMakeLists.txt that builds them against the installed package.
set(nexus_doc_dir "${CMAKE_INSTALL_DATAROOTDIR}/doc")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
        DESTINATION "${nexus_doc_dir}/nexusfs")
nexus_install_directory("${PROJECT_SOURCE_DIR}/docs/" "${nexus_doc_dir}/nexusfs" FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
foreach(examples c_examples cpp_examples)
  nexus_install_directory("${PROJECT_SOURCE_DIR}/${examples}" "${nexus_doc_dir}/nexusfs/examples"
    PATTERN "CMakeLists.txt" EXCLUDE)
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/cmake/examples/CMakeLists.txt" DESTINATION "${nexus_doc_dir}/nexusfs/examples")

include(NexusProgram)
include(NexusPack)
