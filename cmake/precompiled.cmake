# Headers that are parsed once, not by each file that includes them: more than half of the time that a build takes.

option(MIG_PRECOMPILE "Precompile the headers that most files include" ON)

# precompiled(NAME library..): target mig_precompiled_NAME, of cmake/precompiled/NAME.h and .cpp
function(precompiled name)
  add_library(mig_precompiled_${name} STATIC ${CMAKE_SOURCE_DIR}/cmake/precompiled/${name}.cpp)
  target_link_libraries(mig_precompiled_${name} PUBLIC mig_options ${ARGN})
  target_precompile_headers(mig_precompiled_${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled/${name}.h)
endfunction()

if(MIG_PRECOMPILE)
  find_package(tl-expected REQUIRED)
  find_package(nlohmann_json REQUIRED)
  precompiled(standard tl::expected)
  precompiled(soci tl::expected)
  precompiled(json tl::expected nlohmann_json::nlohmann_json)
endif()

# use_precompiled(TARGET NAME): the files of the target are compiled with it.
function(use_precompiled target name)
  if(NOT MIG_PRECOMPILE)
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM mig_precompiled_${name})
  if(name STREQUAL test AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # GCC 12 warns of std::string's own code that comes out of a precompiled header.
    target_compile_options(${target} PRIVATE -Wno-stringop-overread)
  endif()
  if(name STREQUAL json OR name STREQUAL test)
    target_link_libraries(${target} PRIVATE mig_precompiled_json)
  endif()
endfunction()
