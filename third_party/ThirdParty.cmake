# The foreign libraries, each as one target sandbox_3p_<name>: from Debian's static archives where
# they are good, from third_party/recipes otherwise. Static archives are taken before shared ones
# in every preset, so that what is tested is what is given away.

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

# Built on the first configuration, then found in the cache outside of the tree.
function(sandbox_recipe_library name)
    cmake_parse_arguments(ARG "" "" "NEEDS" ${ARGN})
    # Asking apt takes a second: a build directory that has its answer does not ask again.
    file(SHA256 ${CMAKE_SOURCE_DIR}/third_party/recipes/${name}.sh recipe)
    file(SHA256 ${CMAKE_SOURCE_DIR}/third_party/build.sh builder)
    set(prefix ${SANDBOX_BUILT_${name}})
    if(NOT "${SANDBOX_BUILT_KEY_${name}}" STREQUAL "${recipe}${builder}"
       OR NOT EXISTS ${prefix}/complete)
        execute_process(
            COMMAND sh ${CMAKE_SOURCE_DIR}/third_party/build.sh ${name} ${SANDBOX_DEBIAN_ARCH}
            OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
        set(SANDBOX_BUILT_${name} ${prefix} CACHE INTERNAL "")
        set(SANDBOX_BUILT_KEY_${name} ${recipe}${builder} CACHE INTERNAL "")
    endif()
    set(SANDBOX_PREFIX_${name} ${prefix} PARENT_SCOPE)
    add_library(sandbox_3p_${name} INTERFACE)
    target_include_directories(sandbox_3p_${name} SYSTEM INTERFACE ${prefix}/include)
    target_link_libraries(sandbox_3p_${name} INTERFACE ${prefix}/lib/lib${name}.a ${ARG_NEEDS})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        ${CMAKE_SOURCE_DIR}/third_party/recipes/${name}.sh ${CMAKE_SOURCE_DIR}/third_party/build.sh)
endfunction()

sandbox_system_library(crypto LIBS crypto NEEDS Threads::Threads ${CMAKE_DL_LIBS})
# libcrypto once more, behind libssl: plain files carry no order of their own.
sandbox_system_library(ssl LIBS ssl crypto NEEDS sandbox_3p_crypto)
sandbox_system_library(cares LIBS cares)
sandbox_system_library(seccomp LIBS seccomp)
sandbox_system_library(yaml LIBS yaml-cpp)
sandbox_recipe_library(isal)
sandbox_system_library(codecs LIBS z zstd lzma NEEDS sandbox_3p_isal Threads::Threads)
sandbox_recipe_library(curl NEEDS sandbox_3p_ssl sandbox_3p_cares)

# The text of `sandbox version --licenses`.
execute_process(
    COMMAND sh ${CMAKE_SOURCE_DIR}/third_party/licenses.sh ${SANDBOX_PREFIX_curl}
            ${SANDBOX_PREFIX_isal}
    OUTPUT_FILE ${CMAKE_BINARY_DIR}/licenses.txt COMMAND_ERROR_IS_FATAL ANY)
