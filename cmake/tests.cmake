# Test programs. All of them are built in build/PRESET/tests.
find_package(GTest REQUIRED)
find_package(nlohmann_json REQUIRED)
include(GoogleTest)

if(MIG_PRECOMPILE)
  precompiled(test tl::expected GTest::gmock nlohmann_json::nlohmann_json)
endif()

# Seconds: the longest test waits for seven minutes where much fails by chance.
set(test_timeout 600)

# test_folder(NAME DIR target..): DIR/*.cpp become the program test_NAME, linked to the targets. ctest calls its tests
# NAME/.. Its headers are reached from the folder above, the shared ones as "support/..".
function(test_folder name dir)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_include_directories(test_${name} PRIVATE ${dir}/.. ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE
    MIG_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" MIG_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(test_${name} PRIVATE mig_options GTest::gmock GTest::gtest_main nlohmann_json::nlohmann_json ${ARGN})
  use_precompiled(test_${name} test)
  gtest_discover_tests(test_${name} TEST_PREFIX ${name}/ DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${test_timeout})
endfunction()

# test_room(NAME target..): the same for the folder NAME beside the caller.
function(test_room name)
  test_folder(${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${ARGN})
endfunction()
