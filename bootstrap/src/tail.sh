main "$@" </dev/null
exit
}
