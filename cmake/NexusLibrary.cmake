# Runs cargo and offers its result as the imported targets nexusfs::nexusfs (shared) and nexusfs::nexusfs_static.
#
# cargo knows best what is out of date, so it runs at every build. StageLibrary.cmake then puts the libraries into
# lib/ of the build directory under the names that they have when installed.
find_program(CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT CARGO)
  message(FATAL_ERROR
    "cargo was not found. Install Rust with\n"
    "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y\n"
    "and configure again (cargo is looked for in PATH, $CARGO_HOME/bin and ~/.cargo/bin).")
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(nexus_cargo_profile debug)
  set(nexus_cargo_flags "")
else()
  set(nexus_cargo_profile release)
  set(nexus_cargo_flags --release)
endif()

# cargo compiles a crate with the features that all selected packages want of it. The program wants more of some, so that the
# selection is the same wherever both are built: else what they have in common would be compiled twice.
option(NEXUS_BUILD_CLI "Build and install the program nexus" ON)
list(APPEND nexus_cargo_flags --package nexusfs)
if(NEXUS_BUILD_CLI)
  list(APPEND nexus_cargo_flags --package nexusfs-cli)
endif()
set(nexus_target_dir "${PROJECT_SOURCE_DIR}/target")
set(nexus_cargo_output "${nexus_target_dir}/${nexus_cargo_profile}")
set(nexus_stage "${PROJECT_BINARY_DIR}/lib")

set(nexus_shared "${nexus_stage}/libnexusfs.so")
set(nexus_shared_soname "libnexusfs.so.${PROJECT_VERSION_MAJOR}")
set(nexus_shared_file "libnexusfs.so.${PROJECT_VERSION}")
set(nexus_static "${nexus_stage}/libnexusfs.a")

# What the system has to add to the static library (`rustc --print native-static-libs`), but for `gcc_s`: the compiler's driver
# adds the library that unwinds by itself, and takes another where a program is linked with -static or -static-libgcc.
set(nexus_static_needs util rt pthread m dl c)

add_custom_target(nexus_cargo ALL
  COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${nexus_target_dir}"
          "${CARGO}" build ${nexus_cargo_flags} --locked --lib
  COMMAND "${CMAKE_COMMAND}"
          "-DFROM=${nexus_cargo_output}"
          "-DTO=${nexus_stage}"
          "-DSHARED_FILE=${nexus_shared_file}"
          "-DSONAME=${nexus_shared_soname}"
          "-DSYMBOLS=${PROJECT_SOURCE_DIR}/abi/nexus.symbols"
          "-DLINKER=${CMAKE_LINKER}"
          "-DOBJCOPY=${CMAKE_OBJCOPY}"
          "-DAR=${CMAKE_AR}"
          -P "${PROJECT_SOURCE_DIR}/cmake/StageLibrary.cmake"
  BYPRODUCTS "${nexus_shared}" "${nexus_stage}/${nexus_shared_soname}" "${nexus_stage}/${nexus_shared_file}"
             "${nexus_static}"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "Building libnexusfs with cargo (${nexus_cargo_profile})"
  USES_TERMINAL
  VERBATIM)

add_library(nexusfs::nexusfs SHARED IMPORTED GLOBAL)
set_target_properties(nexusfs::nexusfs PROPERTIES
  IMPORTED_LOCATION "${nexus_shared}"
  IMPORTED_SONAME "${nexus_shared_soname}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include")
add_dependencies(nexusfs::nexusfs nexus_cargo)

add_library(nexusfs::nexusfs_static STATIC IMPORTED GLOBAL)
set_target_properties(nexusfs::nexusfs_static PROPERTIES
  IMPORTED_LOCATION "${nexus_static}"
  INTERFACE_LINK_LIBRARIES "${nexus_static_needs}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include")
add_dependencies(nexusfs::nexusfs_static nexus_cargo)
