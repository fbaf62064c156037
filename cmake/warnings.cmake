# Warning, hardening and sanitizer flags of every target, in the interface library `pubgrid_flags`.
option(PUBGRID_WERROR "Treat warnings as errors" OFF)
option(PUBGRID_TESTS "Build the tests" ON)
option(PUBGRID_FUZZ "Build the fuzz targets (clang)" OFF)
set(PUBGRID_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined or thread")

add_library(pubgrid_flags INTERFACE)
target_compile_definitions(pubgrid_flags INTERFACE
  _GNU_SOURCE PUBGRID_VERSION="${PROJECT_VERSION}")
target_compile_options(pubgrid_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wswitch-enum
  -fno-strict-aliasing -fPIE $<$<BOOL:${PUBGRID_WERROR}>:-Werror>)
target_link_options(pubgrid_flags INTERFACE -pie -Wl,-z,relro,-z,now)

if(PUBGRID_SANITIZE)
  target_compile_options(pubgrid_flags INTERFACE
    -fsanitize=${PUBGRID_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(pubgrid_flags INTERFACE -fsanitize=${PUBGRID_SANITIZE})
else()
  target_compile_options(pubgrid_flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection>
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()
