# The program itself: src/main.cpp and the cli room.

file(GLOB main_source CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/main.cpp)
if(main_source)
    add_executable(sandbox ${CMAKE_SOURCE_DIR}/src/main.cpp)
    target_include_directories(sandbox PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(sandbox PRIVATE sandbox_flags sandbox_cli)
    if(SANDBOX_STATIC)
        # Not -static-pie: relocating itself costs it 0.2 ms of each start (measured on a program with
        # all of these libraries: spawn to exit 0.50 ms with -static, 0.70 ms with -static-pie).
        # Price: the text is at a fixed address; stack, heap and mmap are random all the same.
        target_link_options(sandbox PRIVATE -static)
        target_sources(sandbox PRIVATE ${CMAKE_SOURCE_DIR}/src/unwind_table.cpp)
        target_link_options(sandbox PRIVATE
            -Wl,--eh-frame-hdr,--wrap=__register_frame_info,--wrap=__deregister_frame_info)
    endif()
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
        target_link_options(sandbox PRIVATE -s)
    endif()
else()
    message(STATUS "src/main.cpp is not there: the program is left out")
endif()
