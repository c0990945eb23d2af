module nexus

go 1.23
