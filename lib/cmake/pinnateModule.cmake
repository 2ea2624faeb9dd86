# pinnate_add_module(TARGET SOURCE...): a module, TARGET.so, that shows nothing but its descriptor and needs nothing but the C library.
#
# A module in C++ brings its own runtime, so it runs beside any other. What it does not use of that goes: libstdc++'s condition_variable,
# for one, comes with a function that makes a pthread key. The last thing that it does is to free what libstdc++ set aside for exceptions.
function(pinnate_add_module target)
  get_property(include GLOBAL PROPERTY PINNATE_INCLUDE_DIR)
  add_library(${target} MODULE ${ARGN})
  target_include_directories(${target} PRIVATE ${include})
  target_link_options(${target} PRIVATE LINKER:--gc-sections,--version-script=${include}/pinnate/module.map
    "$<$<LINK_LANGUAGE:CXX>:-static-libstdc++;-static-libgcc;LINKER:-fini=_ZN9__gnu_cxx9__freeresEv>")
  set_target_properties(${target} PROPERTIES PREFIX "" LINK_DEPENDS ${include}/pinnate/module.map)
endfunction()
