# Runs the command behind `--` and compares what it prints with the file EXPECTED:
#
#     cmake -DEXPECTED=… -DACTUAL=… [-DVALGRIND=…] -P CheckOutput.cmake -- program arguments…
#
# What differs from run to run stands as {time}, {id}, {etag} or {rate} in EXPECTED, the project's directory as
# {project}. The program gets a directory of its own as TMPDIR, written {scratch} in its arguments and in EXPECTED.
# The output as compared is kept in ACTUAL.
cmake_minimum_required(VERSION 3.22)

set(command "")
set(behind_dashes FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
set(scratch "${ACTUAL}.scratch")
foreach(index RANGE 1 ${last})
  if(behind_dashes)
    string(REPLACE "{scratch}" "${scratch}" argument "${CMAKE_ARGV${index}}")
    list(APPEND command "${argument}")
  elseif(CMAKE_ARGV${index} STREQUAL "--")
    set(behind_dashes TRUE)
  endif()
endforeach()
if(VALGRIND)
  list(PREPEND command "${VALGRIND}" -q --error-exitcode=99 --leak-check=full "--errors-for-leak-kinds=definite,possible")
endif()

# An environment that does not configure the store.
foreach(name MODE DATA_DIR DB_PATH TENANT_ID AGENT_ID IS_ADMIN STRICT_NAMESPACES CONFIG_FILE DURABILITY CACHE_SIZE_MB
             INLINE_MAX_BYTES BUSY_TIMEOUT_MS HOUSEKEEPING URL API_KEY TIMEOUT)
  unset(ENV{NEXUS_${name}})
endforeach()
file(REMOVE_RECURSE "${scratch}")
file(MAKE_DIRECTORY "${scratch}")
set(ENV{TMPDIR} "${scratch}")
# Echoed as it comes, so that ctest has it too where its time limit ends this script.
execute_process(COMMAND ${command} OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE result
                ECHO_OUTPUT_VARIABLE ECHO_ERROR_VARIABLE)
file(REMOVE_RECURSE "${scratch}")

set(hex "[0-9a-f]")
set(number "[0-9]+")
string(REPEAT "${hex}" 64 etag)
string(REPEAT "${hex}" 4 hex4)
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH project)
string(REPLACE "${scratch}" "{scratch}" output "${output}")
string(REPLACE "${project}" "{project}" output "${output}")
string(REGEX REPLACE "${etag}" "{etag}" output "${output}")
string(REGEX REPLACE "${hex4}${hex4}-${hex4}-${hex4}-${hex4}-${hex4}${hex4}${hex4}" "{id}" output "${output}")
string(REGEX REPLACE "${number}-${number}-${number}T${number}:${number}:[0-9.]+Z" "{time}" output "${output}")
string(REGEX REPLACE "in [0-9.]+ s: ${number} files/s, [0-9.]+ MiB/s" "{rate}" output "${output}")
file(WRITE "${ACTUAL}" "${output}")

if(NOT result STREQUAL "0")
  message(FATAL_ERROR "the program ended with ${result}")
endif()
execute_process(COMMAND diff -u "${EXPECTED}" "${ACTUAL}" RESULT_VARIABLE differs OUTPUT_VARIABLE difference
                ERROR_VARIABLE difference_errors)
if(NOT differs EQUAL 0)
  message(FATAL_ERROR "the output is not the expected one:\n${difference}${difference_errors}")
endif()
