# What every file of the project is compiled with.

add_library(sandbox_flags INTERFACE)
target_compile_options(sandbox_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    # Debian's GCC turns this on by itself at -O2; said here so that clang and the cross build agree.
    -fstack-protector-strong
    $<$<BOOL:${SANDBOX_WERROR}>:-Werror>)
target_compile_definitions(sandbox_flags INTERFACE
    _GNU_SOURCE _FILE_OFFSET_BITS=64
    $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)

# Each function its own section, so that the linker can drop what nobody calls (OpenSSL, curl).
add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(CMAKE_C_FLAGS_RELEASE "-O2")
    set(CMAKE_CXX_FLAGS_RELEASE "-O2")
elseif(CMAKE_BUILD_TYPE STREQUAL "Debug")
    # Line tables suffice for sanitizer reports and keep the objects small.
    set(CMAKE_C_FLAGS_DEBUG "-O0 -g1")
    set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
endif()

if(SANDBOX_SANITIZE)
    add_compile_options(-fsanitize=${SANDBOX_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${SANDBOX_SANITIZE})
endif()
if(SANDBOX_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(SANDBOX_CCACHE ccache)
if(SANDBOX_CCACHE)
    set(launcher ${SANDBOX_CCACHE})
    if(SANDBOX_PRECOMPILE)
        # Otherwise ccache lets every file through that uses precompiled headers.
        set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${launcher})
    endif()
    foreach(lang C CXX)
        if(NOT CMAKE_${lang}_COMPILER_LAUNCHER)
            set(CMAKE_${lang}_COMPILER_LAUNCHER ${launcher})
        endif()
    endforeach()
endif()

# The headers that nearly every file reads, compiled once. One build at least goes without
# (release-static), so that a missing #include is seen.
function(sandbox_precompile target)
    if(NOT SANDBOX_PRECOMPILE)
        return()
    endif()
    set(empty ${CMAKE_BINARY_DIR}/${target}.cpp)
    file(CONFIGURE OUTPUT ${empty} CONTENT "// Precompiled headers want a source file beside them.\n")
    add_library(${target} STATIC ${empty})
    target_link_libraries(${target} PRIVATE sandbox_flags)
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <chrono> <functional> <map>
        <memory> <optional> <set> <span> <string> <string_view> <utility> <vector> ${ARGN})
endfunction()
function(sandbox_use_precompiled target headers)
    if(SANDBOX_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM ${headers})
    endif()
endfunction()
sandbox_precompile(sandbox_headers)

if(SANDBOX_TIDY)
    find_program(SANDBOX_CLANG_TIDY NAMES clang-tidy REQUIRED)
    set(CMAKE_CXX_CLANG_TIDY ${SANDBOX_CLANG_TIDY} --quiet --warnings-as-errors=*)
endif()
