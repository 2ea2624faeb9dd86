# What `cmake --install` puts where. Components: runtime (the shared library), development (headers, CMake and
# pkg-config files), static, program (bin/pinnate), modules (the samples). A prefix may be moved as a whole.
include(CMakePackageConfigHelpers)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pinnate)
set(files_dir ${PROJECT_BINARY_DIR}/package)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/pinnate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" PATTERN "*.map")
install(TARGETS pinnate EXPORT pinnateShared
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS pinnate_static EXPORT pinnateStatic ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT static)
install(EXPORT pinnateShared NAMESPACE pinnate:: DESTINATION ${cmake_dir} COMPONENT development)
install(EXPORT pinnateStatic NAMESPACE pinnate:: DESTINATION ${cmake_dir} COMPONENT static)

# What the static library links to by pkg-config, as lib/CMakeLists.txt has found it: TARGET=PACKAGE.
set(TARGETS_OF_PKG_CONFIG UV=libuv)
if(PINNATE_DNS)
  list(APPEND TARGETS_OF_PKG_CONFIG CARES=libcares)
endif()
if(PINNATE_KUBERNETES OR PINNATE_CONTAINERS)
  list(APPEND TARGETS_OF_PKG_CONFIG CURL=libcurl)
endif()
# Linked statically, Debian's libcurl.pc asks for libraries that its shared library brings by itself, and that are not installed
# with it: libcurl is linked by name, so that it stays shared.
list(TRANSFORM TARGETS_OF_PKG_CONFIG REPLACE ".*=" "" OUTPUT_VARIABLE REQUIRED_BY_PKG_CONFIG)
set(LINKED_BY_NAME)
if(libcurl IN_LIST REQUIRED_BY_PKG_CONFIG)
  list(REMOVE_ITEM REQUIRED_BY_PKG_CONFIG libcurl)
  set(LINKED_BY_NAME "-lcurl ")
endif()
list(JOIN REQUIRED_BY_PKG_CONFIG " " REQUIRED_BY_PKG_CONFIG)
list(JOIN TARGETS_OF_PKG_CONFIG " " TARGETS_OF_PKG_CONFIG)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/pinnateConfig.cmake.in ${files_dir}/pinnateConfig.cmake
                              INSTALL_DESTINATION ${cmake_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
# Any 0.x may change the ABI, so only the same minor version will do until 1.0.
write_basic_package_version_file(${files_dir}/pinnateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${files_dir}/pinnateConfig.cmake ${files_dir}/pinnateConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/pinnateModule.cmake DESTINATION ${cmake_dir} COMPONENT development)

file(RELATIVE_PATH PREFIX_FROM_PC ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/pinnate.pc.in ${files_dir}/pinnate.pc @ONLY)
install(FILES ${files_dir}/pinnate.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# The samples' CMake files define targets; where they go is said here, so that they stay short.
file(RELATIVE_PATH LIB_FROM_BIN ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
foreach(program pinnate-cli)
  if(TARGET ${program})
    set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/${LIB_FROM_BIN}")
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  endif()
endforeach()

function(pinnate_install_modules folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    get_target_property(excluded ${target} EXCLUDE_FROM_ALL)
    if(type STREQUAL "MODULE_LIBRARY" AND NOT excluded)
      install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_DATADIR}/pinnate/modules COMPONENT modules)
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below ${folders})
    pinnate_install_modules(${below})
  endforeach()
endfunction()
if(PINNATE_BUILD_SAMPLES)
  pinnate_install_modules(${PROJECT_SOURCE_DIR}/samples)
endif()
