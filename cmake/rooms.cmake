# A room is a folder of src/ built as one static library. Its headers are reachable only through
# the targets that link it: every room gets an include folder of its own that holds nothing but a
# link to the room. An include that the dependency list does not allow does not build.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(mig_options INTERFACE)
target_compile_options(mig_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 warns of std::string's own code when it is optimised (GCC bugs 105329 and 105651).
  target_compile_options(mig_options INTERFACE -Wno-restrict -Wno-array-bounds
    -Wno-stringop-overflow)
endif()
target_link_libraries(mig_options INTERFACE Threads::Threads)
if(MIG_SANITIZE)
  target_compile_options(mig_options INTERFACE -fsanitize=${MIG_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(mig_options INTERFACE -fsanitize=${MIG_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # With the sanitizers' branches in it, GCC 12 warns of std::regex's own code.
    target_compile_options(mig_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

include(cmake/precompiled.cmake)

# refuse_rooms(TARGET ALLOWED target..): stops if a target named mig_.. does not match the expression ALLOWED, or comes later.
function(refuse_rooms target allowed)
  foreach(used ${ARGN})
    if(used MATCHES "^mig_" AND NOT (used MATCHES "${allowed}" AND TARGET ${used}))
      message(FATAL_ERROR "${target} may not use ${used}: docs/design.md, \"Rooms\"")
    endif()
  endforeach()
endfunction()

# face_of_room(FOLDER SOURCE_DIR INCLUDE_DIR): INCLUDE_DIR/FOLDER holds links to the headers of the room, but not to its
# folders.
function(face_of_room folder dir include_dir)
  file(REMOVE_RECURSE ${include_dir}/${folder})
  file(MAKE_DIRECTORY ${include_dir}/${folder})
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h)
  foreach(header ${headers})
    get_filename_component(name ${header} NAME)
    file(CREATE_LINK ${header} ${include_dir}/${folder}/${name} SYMBOLIC)
  endforeach()
endfunction()

# room_named(TARGET FOLDER SOURCE_DIR [USES target..] [PRIVATELY target..] [INSIDE folder])
# INSIDE: a folder of the room whose headers only the room sees, and targets that link TARGET_inside.
function(room_named target folder dir)
  cmake_parse_arguments(ROOM "" "INSIDE" "USES;PRIVATELY" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  set(include_dir ${CMAKE_BINARY_DIR}/include/${target})
  cmake_path(GET folder PARENT_PATH parent)
  file(MAKE_DIRECTORY ${include_dir}/${parent})
  if(ROOM_INSIDE)
    file(GLOB_RECURSE inside_sources CONFIGURE_DEPENDS ${dir}/${ROOM_INSIDE}/*.cpp)
    list(APPEND sources ${inside_sources})
    face_of_room(${folder} ${dir} ${include_dir})
    set(inside_dir ${CMAKE_BINARY_DIR}/include/${target}_inside)
    file(MAKE_DIRECTORY ${inside_dir}/${folder})
    file(CREATE_LINK ${dir}/${ROOM_INSIDE} ${inside_dir}/${folder}/${ROOM_INSIDE} SYMBOLIC)
    add_library(${target}_inside INTERFACE)
    target_include_directories(${target}_inside INTERFACE ${inside_dir})
    list(APPEND ROOM_PRIVATELY ${target}_inside)
  else()
    file(CREATE_LINK ${dir} ${include_dir}/${folder} SYMBOLIC)
  endif()
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${include_dir})
    target_link_libraries(${target} PUBLIC mig_options ${ROOM_USES} PRIVATE ${ROOM_PRIVATELY})
    if("nlohmann_json::nlohmann_json" IN_LIST ROOM_PRIVATELY)
      use_precompiled(${target} json)
    elseif("soci_core" IN_LIST ROOM_PRIVATELY)
      use_precompiled(${target} soci)
    else()
      use_precompiled(${target} standard)
    endif()
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${include_dir})
    target_link_libraries(${target} INTERFACE mig_options ${ROOM_USES})
  endif()
endfunction()

# room(NAME ..): the room in the current folder; its target is mig_NAME. It uses nothing of the sandbox.
macro(room name)
  refuse_rooms(mig_${name} "^mig_[a-z]+$" ${ARGN})
  room_named(mig_${name} ${name} ${CMAKE_CURRENT_SOURCE_DIR} ${ARGN})
endmacro()

# A third-party library known to pkg-config, as target PkgConfig::PREFIX.
macro(system_library prefix module)
  if(NOT TARGET PkgConfig::${prefix})
    pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  endif()
endmacro()
