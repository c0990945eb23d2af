package nexus

// PassLine is what the library's lines of the log come by.
var PassLine = passLine
