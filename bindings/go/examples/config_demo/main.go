// Command config_demo shows four ways to configure a store: in the program, YAML files, several tenants, an admin.
//
//	config_demo DIRECTORY
//
// DIRECTORY holds config-basic.yaml and config-multi-tenant.yaml, those of the examples in C. The store lives in a
// temporary directory and goes at the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"nexus"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// opened takes what an opening function returns.
func opened(store *nexus.Store, err error) *nexus.Store {
	check(err)
	return store
}

// refused says that an error is the expected one, and prints it.
func refused(expected, err error) {
	var failed *nexus.Error
	if !errors.Is(err, expected) || !errors.As(err, &failed) {
		log.Fatalf("refused with %v, but expected %v", err, expected)
	}
	fmt.Println("  refused:", failed.Message)
}

func write(store *nexus.Store, path, text string) {
	check(store.Write(path, []byte(text)))
	fmt.Println("  wrote", path)
}

// printSetting prints what holds in the end, and where it comes from.
func printSetting(store *nexus.Store, key string) {
	settings, err := store.Config()
	check(err)
	setting, err := json.Marshal(settings[key])
	check(err)
	fmt.Printf("  %q:%s\n", key, setting)
}

func inTheProgram(dataDir string) {
	fmt.Println("\n1. JSON, in the program")
	store := opened(nexus.Open(nexus.Config{DataDir: dataDir, Durability: "normal", CacheSizeMB: nexus.Ptr(32)}))
	write(store, "/documents/hello.txt", "hello")
	printSetting(store, "durability")
	printSetting(store, "cache_size_mb")
	printSetting(store, "inline_max_bytes")
	check(store.Close())

	// A configuration may come as JSON, too. No key is accepted and then ignored.
	_, err := nexus.OpenJSON(`{"tenant": "acme"}`)
	refused(nexus.ErrInvalidConfig, err)
	_, err = nexus.OpenJSON(`{"cache_size_mb": "big"}`)
	refused(nexus.ErrInvalidConfig, err)
}

func yaml(basic string) {
	fmt.Println("\n2. YAML: config-basic.yaml")
	store := opened(nexus.OpenFile(basic))
	printSetting(store, "durability")
	write(store, "/documents/from-yaml.txt", "hello")
	check(store.Close())
}

func severalTenants(multiTenant string) {
	fmt.Println("\n3. Several tenants: config-multi-tenant.yaml")
	// The file takes its identity from ${TENANT_ID}; without the variable nothing opens.
	os.Unsetenv("TENANT_ID")
	_, err := nexus.OpenFile(multiTenant)
	refused(nexus.ErrInvalidConfig, err)

	os.Setenv("TENANT_ID", "acme")
	acme := opened(nexus.OpenFile(multiTenant))
	defer acme.Close()
	os.Setenv("TENANT_ID", "techinc")
	techinc := opened(nexus.OpenFile(multiTenant))
	defer techinc.Close()
	printSetting(techinc, "tenant_id")

	write(acme, "/ml_models/acme/classifier.bin", "weights")
	write(techinc, "/ml_models/techinc/classifier.bin", "other weights")
	_, err = techinc.Read("/ml_models/acme/classifier.bin")
	refused(os.ErrPermission, err)
	refused(os.ErrPermission, acme.Write("/catalogue/offers.json", []byte("x")))
	refused(os.ErrPermission, acme.Write("/documents/hello.txt", []byte("x")))
}

func anAdmin(dataDir string) {
	fmt.Println("\n4. An admin")
	config := nexus.Config{DataDir: dataDir, IsAdmin: true}
	admin := opened(nexus.Open(config))
	write(admin, "/catalogue/offers.json", "[]")
	for file, err := range admin.Glob(context.Background(), "/ml_models/**", nexus.FindOptions{}) {
		check(err)
		fmt.Println("  sees", file.Path)
	}
	// /system and /archives are read-only for admins too, unless the config allows it.
	refused(nexus.ErrReadOnly, admin.Write("/system/motd", []byte("x")))
	check(admin.Close())

	config.AllowReadonlyWrites = true
	admin = opened(nexus.Open(config))
	write(admin, "/system/motd", "welcome")
	check(admin.Close())
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s DIRECTORY", os.Args[0])
	}
	scratch, err := os.MkdirTemp("", "nexus-example-")
	check(err)
	defer os.RemoveAll(scratch)
	dataDir := filepath.Join(scratch, "store")
	os.Setenv("NEXUS_DATA_DIR", dataDir) // both files say data_dir: ${NEXUS_DATA_DIR:-./nexus-data}

	inTheProgram(dataDir)
	yaml(filepath.Join(os.Args[1], "config-basic.yaml"))
	severalTenants(filepath.Join(os.Args[1], "config-multi-tenant.yaml"))
	anAdmin(dataDir)
	fmt.Println("\nThe two YAML files are yours to copy.")
}
