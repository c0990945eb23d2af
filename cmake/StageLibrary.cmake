# Puts cargo's libraries (FROM) into TO under the names that they have when installed.
#
# The static library is linked into one object in which only the symbols of the C interface stay global. A host with
# its own SQLite can then link it: neither SQLite is replaced by the other, and no name collides.
cmake_minimum_required(VERSION 3.22)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result ERROR_VARIABLE message)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "${command}\nfailed: ${result}\n${message}")
  endif()
endfunction()

if(NOT EXISTS "${SYMBOLS}")
  message(FATAL_ERROR "${SYMBOLS} is missing: it lists the symbols that the libraries export")
endif()
file(MAKE_DIRECTORY "${TO}")

file(COPY_FILE "${FROM}/libnexusfs.so" "${TO}/${SHARED_FILE}" ONLY_IF_DIFFERENT)
file(CREATE_LINK "${SHARED_FILE}" "${TO}/${SONAME}" SYMBOLIC)
file(CREATE_LINK "${SONAME}" "${TO}/libnexusfs.so" SYMBOLIC)

set(static "${TO}/libnexusfs.a")
if("${static}" IS_NEWER_THAN "${FROM}/libnexusfs.a" AND "${static}" IS_NEWER_THAN "${SYMBOLS}"
   AND EXISTS "${static}")
  return()
endif()
set(object "${TO}/nexusfs.o")
# Groups are resolved here: a local name cannot be the signature of a group that the host's linker is to merge.
run("${LINKER}" -r --force-group-allocation --whole-archive "${FROM}/libnexusfs.a" -o "${object}")
# The standard library's objects carry LLVM bitcode, which is of no use once linked and upsets older LLVM plugins.
run("${OBJCOPY}" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd
    "--keep-global-symbols=${SYMBOLS}" "${object}")
file(REMOVE "${static}")
run("${AR}" rcs "${static}" "${object}")
file(REMOVE "${object}")
