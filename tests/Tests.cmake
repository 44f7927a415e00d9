# All tests as ctest entries, and the targets that people type.
# Every entry goes through tests/support/run_test.sh: exit 77 is a skip, and with
# SANDBOX_TESTS_MUST_RUN=1 a skip is a failure.

enable_testing()
set(SANDBOX_RUN_TEST ${CMAKE_SOURCE_DIR}/tests/support/run_test.sh)

function(sandbox_add_test name label)
    add_test(NAME ${name} COMMAND sh ${SANDBOX_RUN_TEST} ${ARGN}
             WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
    set_tests_properties(${name} PROPERTIES LABELS ${label} SKIP_RETURN_CODE 77 TIMEOUT 900)
endfunction()

# Catch2 v2 compiles its main for several seconds: once for all binaries.
add_library(sandbox_test_main STATIC ${CMAKE_SOURCE_DIR}/tests/support/catch_main.cpp)
target_include_directories(sandbox_test_main PUBLIC ${CMAKE_SOURCE_DIR}/tests)
sandbox_precompile(sandbox_test_headers <catch2/catch.hpp>)

add_custom_target(unit_tests)
add_custom_target(integration_tests)
function(sandbox_add_test_binary kind room)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS
         ${CMAKE_SOURCE_DIR}/tests/${kind}/${room}/*_test.cpp
         ${CMAKE_SOURCE_DIR}/tests/${kind}/${room}/*_support.cpp)
    if(NOT sources)
        return()
    endif()
    set(binary ${kind}_${room})
    add_executable(${binary} EXCLUDE_FROM_ALL ${sources})
    target_include_directories(${binary} PRIVATE ${CMAKE_SOURCE_DIR}/src
        ${CMAKE_SOURCE_DIR}/src/${room} ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(${binary} PRIVATE SANDBOX_VERSION="${PROJECT_VERSION}"
        SANDBOX_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${binary} PRIVATE sandbox_flags sandbox_test_main sandbox_${room})
    sandbox_use_precompiled(${binary} sandbox_test_headers)
    add_dependencies(${kind}_tests ${binary})
    if(kind STREQUAL "unit")
        sandbox_add_test(unit.${room} unit $<TARGET_FILE:${binary}>)
        return()
    endif()
    # With a subuid range and without one.
    foreach(user range plain)
        sandbox_add_test(${kind}.${room}@${user} ${kind}
            sh ${CMAKE_SOURCE_DIR}/tests/support/run_e2e.sh ${user} $<TARGET_FILE:${binary}>)
        set_tests_properties(${kind}.${room}@${user} PROPERTIES FIXTURES_REQUIRED stage)
    endforeach()
endfunction()
foreach(kind unit integration)
    foreach(room IN LISTS SANDBOX_ROOMS)
        sandbox_add_test_binary(${kind} ${room})
    endforeach()
endforeach()

# Fuzz targets: with SANDBOX_FUZZ programs that search, otherwise programs that replay the corpus.
add_custom_target(fuzz_tests)
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*.cpp)
foreach(source IN LISTS fuzz_sources)
    get_filename_component(fuzz_name ${source} NAME_WE)
    set(binary fuzz_${fuzz_name})
    add_executable(${binary} EXCLUDE_FROM_ALL ${source})
    target_include_directories(${binary} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${binary} PRIVATE sandbox_flags sandbox_cli)
    sandbox_use_precompiled(${binary} sandbox_headers)
    if(SANDBOX_FUZZ)
        target_link_options(${binary} PRIVATE -fsanitize=fuzzer)
        sandbox_add_test(fuzz.${fuzz_name} fuzz $<TARGET_FILE:${binary}> -runs=0
            ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${fuzz_name})
    else()
        target_sources(${binary} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/fuzz_replay_main.cpp)
        sandbox_add_test(fuzz.${fuzz_name} fuzz $<TARGET_FILE:${binary}>
            ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${fuzz_name})
    endif()
    add_dependencies(fuzz_tests ${binary})
endforeach()

# End to end: each script once per user it is for (see tests/support/run_e2e.sh).
if(TARGET sandbox)
    set(stage_program $<TARGET_FILE:sandbox>)
    file(GLOB e2e_scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/e2e/*.sh)
endif()
foreach(script IN LISTS e2e_scripts)
    get_filename_component(script_name ${script} NAME_WE)
    file(STRINGS ${script} users_line REGEX "^# users: " LIMIT_COUNT 1)
    file(STRINGS ${script} alone_line REGEX "^# alone: " LIMIT_COUNT 1)
    string(REGEX REPLACE "^# users: *" "" users "${users_line}")
    separate_arguments(users)
    if(NOT users)
        set(users range plain)
    endif()
    foreach(user IN LISTS users)
        sandbox_add_test(e2e.${script_name}@${user} e2e
            sh ${CMAKE_SOURCE_DIR}/tests/support/run_e2e.sh ${user} ${script})
        # Many look at all that their user has (processes, ids): one test at a time for each user.
        set_tests_properties(e2e.${script_name}@${user} PROPERTIES FIXTURES_REQUIRED stage
                             RESOURCE_LOCK user-${user})
        if(alone_line)
            set_tests_properties(e2e.${script_name}@${user} PROPERTIES RUN_SERIAL TRUE)
        endif()
    endforeach()
endforeach()
add_test(NAME stage.make COMMAND sh ${CMAKE_SOURCE_DIR}/tests/support/e2e_stage.sh make
         ${CMAKE_BINARY_DIR} ${stage_program})
add_test(NAME stage.remove COMMAND sh ${CMAKE_SOURCE_DIR}/tests/support/e2e_stage.sh remove
         ${CMAKE_BINARY_DIR})
set_tests_properties(stage.make PROPERTIES FIXTURES_SETUP stage TIMEOUT 1200)
set_tests_properties(stage.remove PROPERTIES FIXTURES_CLEANUP stage)

include(Lints)

set(ctest_run ${CMAKE_CTEST_COMMAND} --test-dir ${CMAKE_BINARY_DIR} --output-on-failure)
add_custom_target(check COMMAND ${ctest_run} -L "^(lint|unit|integration)$"
    DEPENDS unit_tests integration_tests USES_TERMINAL VERBATIM)
add_custom_target(fuzz-replay COMMAND ${ctest_run} -L "^fuzz$" DEPENDS fuzz_tests USES_TERMINAL
    VERBATIM)
add_custom_target(e2e COMMAND ${ctest_run} -L "^e2e$" USES_TERMINAL VERBATIM)
if(TARGET sandbox)
    add_dependencies(e2e sandbox)
endif()
if(TARGET sandbox_engine_child)
    add_dependencies(check sandbox_engine_child)
endif()

# Measurements, by hand: tests/bench/*.sh run these.
add_custom_target(bench)
file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/bench/*.cpp)
foreach(source IN LISTS bench_sources)
    get_filename_component(bench_name ${source} NAME_WE)
    add_executable(bench_${bench_name} EXCLUDE_FROM_ALL ${source})
    target_include_directories(bench_${bench_name} PRIVATE ${CMAKE_SOURCE_DIR}/src
        ${CMAKE_SOURCE_DIR}/src/net)
    target_link_libraries(bench_${bench_name} PRIVATE sandbox_flags sandbox_engine)
    add_dependencies(bench bench_${bench_name})
endforeach()
