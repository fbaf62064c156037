# Link-time optimization of what is installed and measured: calls between layers are inlined, which
# makes messages 15 to 20 % cheaper (docs/benchmarks.md). Debug builds, and so all tests with
# sanitizers, stay without, and so do builds with tests, some of which wrap functions at link time.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT PUBGRID_SANITIZE AND NOT PUBGRID_TESTS)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT has_lto OUTPUT why_no_lto LANGUAGES C)
  if(has_lto)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    # Inlined across layers, gcc 12 sees lengths that no caller has (take_up_to() of an empty slice).
    add_link_options(-Wno-stringop-overread)
  else()
    message(STATUS "no link-time optimization: ${why_no_lto}")
  endif()
endif()
