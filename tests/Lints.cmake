# Targets format, lint and tidy, and every lint as a test.

find_program(SANDBOX_CLANG_FORMAT NAMES clang-format)
file(GLOB_RECURSE format_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*.[ch]pp
     ${CMAKE_SOURCE_DIR}/src/*.c ${CMAKE_SOURCE_DIR}/include/*.hpp ${CMAKE_SOURCE_DIR}/tests/*.[ch]pp)
if(SANDBOX_CLANG_FORMAT AND format_sources)
    add_custom_target(format COMMAND ${SANDBOX_CLANG_FORMAT} -i ${format_sources} VERBATIM)
endif()
add_custom_target(lint COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${CMAKE_BINARY_DIR}
    --output-on-failure -L "^lint$" USES_TERMINAL VERBATIM)
if(TARGET sandbox_engine_child)
    add_dependencies(lint sandbox_engine_child)
endif()
