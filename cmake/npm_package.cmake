# npm_package(FOLDER NAME VERSION SHA512): sets FOLDER to where this version of an npm package is unpacked, in the build folder. It is
# fetched from the npm registry when the build is configured for the first time, and refused if its hash is another. As for npm itself,
# npm_config_registry in the environment names another registry, and https_proxy a proxy.
# SPDX-License-Identifier: Apache-2.0

# npm_fetch(ARCHIVE URL SHA512): a network that fails is tried three times.
function(npm_fetch archive url sha512)
  foreach(attempt RANGE 1 3)
    file(DOWNLOAD ${url} ${archive} STATUS status INACTIVITY_TIMEOUT 30)
    list(GET status 0 failed)
    if(NOT failed)
      break()
    endif()
    message(STATUS "${url} did not come: ${status}")
    execute_process(COMMAND ${CMAKE_COMMAND} -E sleep ${attempt})
  endforeach()
  if(NOT failed)
    file(SHA512 ${archive} hash)
    set(status "it has another hash: ${hash}")
  endif()
  if(failed OR NOT hash STREQUAL sha512)
    file(REMOVE ${archive})
    message(FATAL_ERROR "The console needs ${url}, which did not come (${status}). Set npm_config_registry in the environment to a "
      "registry that has it, or build without the console: cmake --preset release -DPUBGRID_CONSOLE=OFF")
  endif()
endfunction()

function(npm_package folder name version sha512)
  set(registry https://registry.npmjs.org)
  if(DEFINED ENV{npm_config_registry})
    string(REGEX REPLACE "/+$" "" registry $ENV{npm_config_registry})
  endif()
  set(unpacked ${PROJECT_BINARY_DIR}/npm/${name}-${version})
  set(archive ${PROJECT_BINARY_DIR}/npm/${name}-${version}.tgz)
  if(NOT IS_DIRECTORY ${unpacked}/package)
    npm_fetch(${archive} ${registry}/${name}/-/${name}-${version}.tgz ${sha512})
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${unpacked})
  endif()
  set(${folder} ${unpacked}/package PARENT_SCOPE)
endfunction()
