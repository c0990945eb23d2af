// Command ingest_tree takes directory trees of the host into a store, in batches, and reads all of it back.
//
//	ingest_tree [options] DIRECTORY...
//
// Files shorter than a piece (1 MiB) go in batches, one transaction each; longer ones through a streaming writer, so that
// memory stays bounded whatever the trees hold. Symbolic links, special files, and names that Nexus refuses are skipped
// and counted. Then every file is read back and compared, byte by byte, with the file on the host.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path"
	"path/filepath"
	"time"

	"nexus"
)

const (
	pieceBytes = 1 << 20
	batchBytes = 16 << 20 // a batch holds its bytes in memory until it is committed
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// ingest is the taking in of trees.
type ingest struct {
	store    *nexus.Store
	batchMax int

	batch      *nexus.Batch
	batchFiles int
	batchBytes int

	files, bytes                        int64
	links, special, refused, unreadable int
}

// add takes in one file of the host.
func (in *ingest) add(hostPath, storePath string) {
	file, err := os.Open(hostPath)
	if err != nil {
		log.Print(err)
		in.unreadable++
		return
	}
	defer file.Close()
	piece := make([]byte, pieceBytes)
	n, err := io.ReadFull(file, piece)
	switch {
	case err == nil:
		entry, err := in.store.WriteFrom(storePath, io.MultiReader(bytes.NewReader(piece), file), nexus.WriteOptions{})
		if in.took(hostPath, err) {
			in.files++
			in.bytes += entry.Size
		}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		in.addSmall(hostPath, storePath, piece[:n])
	default:
		log.Print(err)
		in.unreadable++
	}
}

// addSmall adds a file to the batch, and commits the batch when it is full.
func (in *ingest) addSmall(hostPath, storePath string, content []byte) {
	if in.batch == nil {
		var err error
		in.batch, err = in.store.NewBatch()
		check(err)
	}
	if !in.took(hostPath, in.batch.Write(storePath, content, nexus.WriteOptions{})) {
		return
	}
	in.files++
	in.bytes += int64(len(content))
	in.batchFiles++
	in.batchBytes += len(content)
	if in.batchFiles >= in.batchMax || in.batchBytes >= batchBytes {
		in.commit()
	}
}

func (in *ingest) commit() {
	if in.batch == nil {
		return
	}
	_, err := in.batch.Commit()
	check(err)
	in.batch.Close()
	in.batch, in.batchFiles, in.batchBytes = nil, 0, 0
}

// took says whether the file was taken. A name that Nexus refuses is counted and left out; any other error ends the
// program.
func (in *ingest) took(hostPath string, err error) bool {
	var source *fs.PathError
	switch {
	case err == nil:
		return true
	case errors.Is(err, nexus.ErrInvalidPath):
		in.refused++
	case errors.As(err, &source):
		in.unreadable++
	default:
		log.Fatal(err)
	}
	log.Printf("%s: %v", hostPath, err)
	return false
}

// walk visits the regular files of the trees, each below the prefix under the name of its tree.
func (in *ingest) walk(trees []string, prefix string, visit func(hostPath, storePath string)) {
	in.links, in.special = 0, 0
	for _, tree := range trees {
		err := filepath.WalkDir(tree, func(hostPath string, entry fs.DirEntry, err error) error {
			if err != nil {
				log.Print(err)
				in.unreadable++
				return nil
			}
			switch kind := entry.Type(); {
			case kind.IsDir():
			case kind.IsRegular():
				below, err := filepath.Rel(tree, hostPath)
				check(err)
				visit(hostPath, path.Join(prefix, filepath.Base(tree), filepath.ToSlash(below)))
			case kind&fs.ModeSymlink != 0:
				in.links++
			default:
				in.special++
			}
			return nil
		})
		check(err)
	}
}

// same says whether the store's bytes are those of the host's file. The library checks them against their hash as it reads.
func same(store *nexus.Store, hostPath, storePath string) (bool, int64) {
	reader, err := store.Open(storePath)
	check(err)
	defer reader.Close()
	file, err := os.Open(hostPath)
	check(err)
	defer file.Close()
	stored, expected := make([]byte, pieceBytes), make([]byte, pieceBytes)
	for {
		n, err := io.ReadFull(reader, stored)
		m, _ := io.ReadFull(file, expected)
		if !bytes.Equal(stored[:n], expected[:m]) {
			return false, 0
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return true, reader.Size()
		}
		check(err)
	}
}

func printRate(verb string, files, bytes int64, began time.Time) {
	seconds := time.Since(began).Seconds()
	fmt.Printf("%-9s %d files, %d bytes, in %.2f s: %.0f files/s, %.1f MiB/s\n", verb, files, bytes, seconds,
		float64(files)/seconds, float64(bytes)/(1<<20)/seconds)
}

func main() {
	log.SetFlags(0)
	dataDir := flag.String("data-dir", "./nexus-data", "where the store is or will be")
	tenant := flag.String("tenant", "", "work as this tenant")
	prefix := flag.String("prefix", "", "put the trees below this path (default /ingest, or /shared/TENANT/ingest)")
	batch := flag.Int("batch", 1000, "files in a batch")
	durability := flag.String("durability", "full", "full or normal")
	flag.Parse()
	if flag.NArg() == 0 || *batch < 1 {
		flag.Usage()
		os.Exit(2)
	}
	config := nexus.Config{DataDir: *dataDir, Durability: *durability}
	if *tenant != "" {
		config.TenantID = tenant
	}
	if *prefix == "" {
		*prefix = "/ingest"
		if *tenant != "" {
			*prefix = path.Join("/shared", *tenant, "ingest")
		}
	}
	names := map[string]string{}
	var trees []string
	for _, tree := range flag.Args() {
		absolute, err := filepath.Abs(tree)
		check(err)
		if other := names[filepath.Base(absolute)]; other != "" {
			log.Fatalf("%s and %s would go to the same place", other, absolute)
		}
		names[filepath.Base(absolute)] = absolute
		trees = append(trees, absolute)
	}

	store, err := nexus.Open(config)
	check(err)
	in := &ingest{store: store, batchMax: *batch}
	began := time.Now()
	in.walk(trees, *prefix, in.add)
	in.commit()
	printRate("written", in.files, in.bytes, began)
	fmt.Printf("skipped   %d symbolic links, %d special files, %d refused names, %d unreadable\n",
		in.links, in.special, in.refused, in.unreadable)
	stats, err := store.StorageStats(context.Background())
	check(err)
	fmt.Printf("store     %d files, %d distinct contents, %d bytes saved by storing each once\n",
		stats.Files, stats.DistinctContents, stats.SavedBytes)

	var files, read, different int64
	began = time.Now()
	in.walk(trees, *prefix, func(hostPath, storePath string) {
		switch _, err := store.Stat(storePath); {
		case errors.Is(err, nexus.ErrInvalidPath):
			return // left out, and said so
		case errors.Is(err, fs.ErrNotExist):
			log.Printf("%s: is not in the store", hostPath)
			different++
			return
		default:
			check(err)
		}
		equal, size := same(store, hostPath, storePath)
		if !equal {
			log.Printf("%s: differs from what the store holds", hostPath)
			different++
		}
		files++
		read += size
	})
	printRate("read back", files, read, began)
	fmt.Printf("compared  %d files: %d different\n", files, different)
	check(store.Close())
	if different != 0 || files != in.files {
		os.Exit(1)
	}
}
