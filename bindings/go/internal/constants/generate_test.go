package main

import (
	"os"
	"strings"
	"testing"
)

func TestCommittedConstantsAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../../../../include/nexus.h")
	if err != nil {
		t.Fatal(err)
	}
	generated, err := Generate(string(header))
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../constants.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != string(generated) {
		t.Error("constants.go is not what the header says: run go generate")
	}
}

func TestAConstantOfNoGroupIsNoticed(t *testing.T) {
	_, err := Generate("/** New. */\n#define NEXUS_SOMETHING_NEW 7\n")
	if err == nil || !strings.Contains(err.Error(), "NEXUS_SOMETHING_NEW") {
		t.Errorf("the error is %v", err)
	}
	if _, err := Generate("#define NEXUS_KIND_NEW 7\n"); err == nil {
		t.Error("a constant without a comment was left out in silence")
	}
}
