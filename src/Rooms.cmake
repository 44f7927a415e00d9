# One static library per room: sandbox_<room> from src/<room>/**.cpp. A room sees its own drawers
# (src/<room>), all doors (include/), and links the rooms below; tests/lint/layers.py watches that
# it includes no more than that. A room without sources yet is an empty interface.

set(SANDBOX_ROOMS base oci kernel store registry net image engine project cli)
set(SANDBOX_BELOW_base sandbox_3p_crypto)
set(SANDBOX_BELOW_oci sandbox_base)
set(SANDBOX_BELOW_kernel sandbox_base sandbox_3p_seccomp)
set(SANDBOX_BELOW_store sandbox_oci sandbox_kernel)
set(SANDBOX_BELOW_registry sandbox_oci sandbox_kernel sandbox_3p_curl)
set(SANDBOX_BELOW_net sandbox_oci sandbox_kernel)
set(SANDBOX_BELOW_image sandbox_registry sandbox_store sandbox_net sandbox_3p_codecs)
set(SANDBOX_BELOW_engine sandbox_image)
set(SANDBOX_BELOW_project sandbox_engine sandbox_3p_yaml)
set(SANDBOX_BELOW_cli sandbox_project)

function(sandbox_add_room room)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.cpp)
    # Libraries of their own, below.
    list(FILTER sources EXCLUDE REGEX "/src/engine/(child|stage)/")
    if(sources)
        add_library(sandbox_${room} STATIC ${sources})
        target_include_directories(sandbox_${room} PUBLIC ${CMAKE_SOURCE_DIR}/include
            PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/src/${room})
        target_compile_definitions(sandbox_${room} PRIVATE SANDBOX_VERSION="${PROJECT_VERSION}")
        target_link_libraries(sandbox_${room} PRIVATE sandbox_flags
            PUBLIC ${SANDBOX_BELOW_${room}})
        sandbox_use_precompiled(sandbox_${room} sandbox_headers)
    else()
        add_library(sandbox_${room} INTERFACE)
        target_include_directories(sandbox_${room} INTERFACE ${CMAKE_SOURCE_DIR}/include)
        target_link_libraries(sandbox_${room} INTERFACE ${SANDBOX_BELOW_${room}})
    endif()
endfunction()

foreach(room IN LISTS SANDBOX_ROOMS)
    sandbox_add_room(${room})
endforeach()
# The program is one file: what waits for the kernel or for people is made small. Not so the rooms
# that compute: hashes, tars, filters.
foreach(room project cli registry engine net store oci)
    get_target_property(room_kind sandbox_${room} TYPE)
    if(room_kind STREQUAL "STATIC_LIBRARY")
        target_compile_options(sandbox_${room} PRIVATE $<$<CONFIG:Release>:-Os>)
    endif()
endforeach()

# What runs between clone and exec. No exceptions, no RTTI, no guards for local statics; no stack
# protector and no sanitizer, since both may call out on the way (tests/lint/child_symbols.txt).
file(GLOB child_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/engine/child/*.cpp)
if(child_sources)
    add_library(sandbox_engine_child STATIC ${child_sources})
    target_include_directories(sandbox_engine_child PRIVATE ${CMAKE_SOURCE_DIR}/include
        ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/src/engine)
    target_link_libraries(sandbox_engine_child PRIVATE sandbox_flags PUBLIC sandbox_base)
    # On the sources, so that these come after what sandbox_flags brings.
    set_source_files_properties(${child_sources} PROPERTIES COMPILE_OPTIONS
        "-fno-exceptions;-fno-rtti;-fno-threadsafe-statics;-fno-stack-protector;-fno-sanitize=all;-U_FORTIFY_SOURCE")
    target_link_libraries(sandbox_engine INTERFACE sandbox_engine_child)
endif()

# sandbox_add_blob(LIBRARY SYMBOL FILE): a library with the file's bytes between the symbols SYMBOL
# and SYMBOL_end.
function(sandbox_add_blob library blob_symbol blob_file)
    set(assembly ${CMAKE_BINARY_DIR}/${library}.S)
    configure_file(${CMAKE_SOURCE_DIR}/src/blob.S.in ${assembly} @ONLY)
    set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS ${blob_file})
    add_library(${library} STATIC ${assembly} ${blob_file})
endfunction()

sandbox_add_blob(sandbox_licenses_blob sandbox_licenses ${CMAKE_BINARY_DIR}/licenses.txt)
target_link_libraries(sandbox_base PUBLIC sandbox_licenses_blob)

# The stage: a whole program of a few hundred bytes without libc, carried as bytes in the engine:
#   extern "C" const unsigned char sandbox_stage_elf[], sandbox_stage_elf_end[];
file(GLOB stage_source CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/engine/stage/stage.c)
if(stage_source)
    set(stage_elf ${CMAKE_BINARY_DIR}/stage.elf)
    add_custom_command(OUTPUT ${stage_elf}
        COMMAND ${CMAKE_C_COMPILER} -std=c11 -Os -Wall -Wextra -ffreestanding -fno-stack-protector
                -fno-asynchronous-unwind-tables -fno-pic -no-pie -nostdlib -static
                -Wl,--build-id=none,-z,noseparate-code,-z,noexecstack,-s
                -o ${stage_elf} ${stage_source}
        DEPENDS ${stage_source}
        COMMENT "Building the stage" VERBATIM)
    sandbox_add_blob(sandbox_stage sandbox_stage_elf ${stage_elf})
    target_link_libraries(sandbox_engine INTERFACE sandbox_stage)
endif()
