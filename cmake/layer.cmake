# pubgrid_layer(NAME LIBRARIES...): the files of folder NAME as the library pubgrid_NAME. Its headers are
# included as "NAME/header.h".
function(pubgrid_layer name)
  file(GLOB sources CONFIGURE_DEPENDS ${name}/*.c)
  if(sources)
    add_library(pubgrid_${name} STATIC ${sources})
    target_include_directories(pubgrid_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(pubgrid_${name} PUBLIC ${ARGN})
  else()
    add_library(pubgrid_${name} INTERFACE)
    target_include_directories(pubgrid_${name} INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(pubgrid_${name} INTERFACE ${ARGN})
  endif()
endfunction()
