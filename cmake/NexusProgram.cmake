# The program `nexus`, its man pages and its completions for bash, zsh and fish.
if(NEXUS_BUILD_CLI)
  set(nexus_has_program TRUE)
  set(nexus_share "${PROJECT_BINARY_DIR}/share")
  set(nexus_program "${PROJECT_BINARY_DIR}/bin/nexus")
  add_custom_target(nexus_program ALL
    COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${nexus_target_dir}"
            "${CARGO}" build ${nexus_cargo_flags} --locked --bin nexus
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/bin" "${nexus_share}/man1"
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${nexus_cargo_output}/nexus" "${nexus_program}"
    COMMAND "${nexus_program}" man "${nexus_share}/man1"
    COMMAND "${nexus_program}" completions bash > "${nexus_share}/nexus.bash"
    COMMAND "${nexus_program}" completions zsh > "${nexus_share}/_nexus"
    COMMAND "${nexus_program}" completions fish > "${nexus_share}/nexus.fish"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building the program nexus"
    USES_TERMINAL)
  add_dependencies(nexus_program nexus_cargo)

  install(PROGRAMS "${nexus_program}" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
  install(DIRECTORY "${nexus_share}/man1" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT tools)
  install(FILES "${nexus_share}/nexus.bash" RENAME nexus COMPONENT tools
          DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions")
  install(FILES "${nexus_share}/_nexus" COMPONENT tools
          DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/zsh/site-functions")
  install(FILES "${nexus_share}/nexus.fish" COMPONENT tools
          DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d")
endif()
