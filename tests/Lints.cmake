# Targets format, lint and tidy, and every lint as a test.

set(lint_dir ${CMAKE_SOURCE_DIR}/tests/lint)
sandbox_add_test(lint.layers lint python3 ${lint_dir}/layers.py ${CMAKE_SOURCE_DIR})
sandbox_add_test(lint.text lint python3 ${lint_dir}/text.py ${CMAKE_SOURCE_DIR})
sandbox_add_test(lint.format lint sh ${lint_dir}/format.sh ${CMAKE_SOURCE_DIR})
sandbox_add_test(lint.shell lint sh ${lint_dir}/shell.sh ${CMAKE_SOURCE_DIR})
sandbox_add_test(lint.selftest lint sh ${lint_dir}/selftest.sh ${lint_dir})
if(TARGET sandbox_engine_child)
    sandbox_add_test(lint.child_symbols lint sh ${lint_dir}/child_symbols.sh
        $<TARGET_FILE:sandbox_engine_child> ${lint_dir}/child_symbols.txt)
endif()
sandbox_add_test(lint.aarch64 lint sh ${lint_dir}/aarch64.sh ${CMAKE_SOURCE_DIR}
    ${SANDBOX_PREFIX_curl}/include ${SANDBOX_PREFIX_isal}/include)
set_tests_properties(lint.aarch64 PROPERTIES TIMEOUT 1200)

add_custom_target(format
    COMMAND find src include tests -name "*.[ch]pp" -exec clang-format -i {} +
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
add_custom_target(lint COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${CMAKE_BINARY_DIR}
    --output-on-failure -L "^lint$" USES_TERMINAL VERBATIM)
if(TARGET sandbox_engine_child)
    add_dependencies(lint sandbox_engine_child)
endif()
# All files, whether the build would compile them anew or not.
add_custom_target(tidy
    COMMAND sh ${lint_dir}/tidy.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR} USES_TERMINAL VERBATIM)
