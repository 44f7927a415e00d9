# The foreign libraries, each as one target sandbox_3p_<name>. Static archives are taken before
# shared ones in every preset, so that what is tested is what is given away.

set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

function(sandbox_system_library name)
    cmake_parse_arguments(ARG "" "" "LIBS;NEEDS" ${ARGN})
    add_library(sandbox_3p_${name} INTERFACE)
    foreach(lib IN LISTS ARG_LIBS)
        find_library(SANDBOX_LIB_${lib} NAMES ${lib} REQUIRED)
        target_link_libraries(sandbox_3p_${name} INTERFACE ${SANDBOX_LIB_${lib}})
    endforeach()
    target_link_libraries(sandbox_3p_${name} INTERFACE ${ARG_NEEDS})
endfunction()

sandbox_system_library(crypto LIBS crypto NEEDS Threads::Threads ${CMAKE_DL_LIBS})
sandbox_system_library(seccomp LIBS seccomp)
sandbox_system_library(codecs LIBS z zstd lzma NEEDS Threads::Threads)
# Only the tar and raw readers are called, so of libarchive's own needs only the codecs stay.
sandbox_system_library(archive LIBS archive NEEDS sandbox_3p_codecs sandbox_3p_crypto)

add_library(sandbox_3p_curl INTERFACE)
target_link_libraries(sandbox_3p_curl INTERFACE curl)
