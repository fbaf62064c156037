# npm_package(FOLDER NAME VERSION SHA512): sets FOLDER to where this version of an npm package is unpacked, in the build folder. It is
# fetched from the npm registry when the build is configured for the first time, and refused if its hash is another.
# SPDX-License-Identifier: Apache-2.0
set(PUBGRID_NPM_REGISTRY https://registry.npmjs.org CACHE STRING "Where npm packages of the console come from")

function(npm_package folder name version sha512)
  set(unpacked ${PROJECT_BINARY_DIR}/npm/${name}-${version})
  set(archive ${PROJECT_BINARY_DIR}/npm/${name}-${version}.tgz)
  if(NOT IS_DIRECTORY ${unpacked}/package)
    file(DOWNLOAD ${PUBGRID_NPM_REGISTRY}/${name}/-/${name}-${version}.tgz ${archive} STATUS status)
    list(GET status 0 failed)
    if(NOT failed)
      file(SHA512 ${archive} hash)
    endif()
    if(failed OR NOT hash STREQUAL sha512)
      file(REMOVE ${archive})
      message(FATAL_ERROR "The console needs the npm package ${name} ${version}, which did not come from ${PUBGRID_NPM_REGISTRY} "
        "(${status}). Set PUBGRID_NPM_REGISTRY to a registry that has it, or build without the console: -DPUBGRID_CONSOLE=OFF")
    endif()
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${unpacked})
  endif()
  set(${folder} ${unpacked}/package PARENT_SCOPE)
endfunction()
