// Command constants writes the constants of nexus.h as Go: `go generate` runs it, and the tests compare its output with
// what is committed.
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	header := flag.String("header", "../../include/nexus.h", "the header to read")
	output := flag.String("output", "constants.go", "the file to write")
	flag.Parse()

	text, err := os.ReadFile(*header)
	if err != nil {
		log.Fatal(err)
	}
	source, err := Generate(string(text))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*output, source, 0o644); err != nil {
		log.Fatal(err)
	}
}
