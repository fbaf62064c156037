# What `cmake --install` puts where, besides the programs: man pages, completion, the
# configuration (never over one that was edited) and the systemd unit.
foreach(section 1 5 7 8)
  file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

install(FILES conf/completion/pubgrid.bash RENAME pubgrid
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

install(CODE "
  set(bin \"\${CMAKE_INSTALL_PREFIX}/bin\")
  set(sysconf \"\${CMAKE_INSTALL_PREFIX}/etc/pubgrid\")
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
    set(sysconf /etc/pubgrid)
  endif()
  if(NOT EXISTS \"\$ENV{DESTDIR}\${sysconf}/pubgrid.yaml\")
    file(INSTALL \"${CMAKE_SOURCE_DIR}/conf/pubgrid.yaml\" DESTINATION \"\${sysconf}\")
  endif()
  configure_file(\"${CMAKE_SOURCE_DIR}/conf/systemd/pubgrid.service.in\"
    \"${CMAKE_BINARY_DIR}/pubgrid.service\" @ONLY)
  file(INSTALL \"${CMAKE_BINARY_DIR}/pubgrid.service\"
    DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
")
