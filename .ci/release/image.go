package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// mostBytes is how large the image of one platform may be, packed.
const mostBytes = 30_000_000

const (
	user         = "65532:65532"
	certificates = "etc/ssl/certs/ca-certificates.crt"
	zones        = "zoneinfo.zip"
)

// writeImage writes the image of all platforms as an OCI layout (image/), and that of each as an
// archive that ctr, podman and docker load. It returns the digest of the whole.
func writeImage(out, tag string, built []binary) (v1.Hash, error) {
	ref, err := name.NewTag("hookspan:" + tag)
	if err != nil {
		return v1.Hash{}, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range built {
		img, err := imageOf(b)
		if err != nil {
			return v1.Hash{}, err
		}
		size, err := packed(img)
		if err != nil {
			return v1.Hash{}, err
		}
		log.Printf("image of %s/%s: %.1f MB packed", b.os, b.arch, float64(size)/1e6)
		if size > mostBytes {
			return v1.Hash{}, fmt.Errorf("the image of %s/%s has %d bytes, at most %d are wanted", b.os, b.arch, size, mostBytes)
		}
		if err := tarball.WriteToFile(filepath.Join(out, "image-"+b.arch+".tar"), ref, img); err != nil {
			return v1.Hash{}, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: b.os, Architecture: b.arch}},
		})
	}
	at := filepath.Join(out, "image")
	if err := os.RemoveAll(at); err != nil {
		return v1.Hash{}, err
	}
	if _, err := layout.Write(at, index); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// packed is how large the layers of an image are together, in bytes.
func packed(img v1.Image) (bytes int64, err error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, err
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return 0, err
		}
		bytes += size
	}
	return bytes, nil
}

// imageOf is one layer: the program, the authorities of the web, and the time zones.
func imageOf(b binary) (v1.Image, error) {
	info, err := buildinfo.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	files, err := pack(b.path)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), layer)
	if err != nil {
		return nil, err
	}
	made, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	made = made.DeepCopy()
	made.OS, made.Architecture = b.os, b.arch
	made.Created = v1.Time{Time: time.Unix(0, 0).UTC()} // the commit's time is a label
	made.Config = v1.Config{
		Entrypoint:   []string{"/hookspan"},
		User:         user,
		Env:          []string{"ZONEINFO=/" + zones, "HOOKSPAN_DATA_DIR=/data/hookspan"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "8081/tcp": {}},
		Volumes:      map[string]struct{}{"/data": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "Hookspan",
			"org.opencontainers.image.source":   "https://github.com/hookspan/hookspan",
			"org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.version":  info.Main.Version,
			"org.opencontainers.image.revision": setting(info, "vcs.revision"),
			"org.opencontainers.image.created":  setting(info, "vcs.time"),
		},
	}
	return mutate.ConfigFile(img, made)
}

// pack returns a tar file without the times and owners of this machine.
func pack(program string) ([]byte, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	when, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "lib/time/zoneinfo.zip")) //nolint:staticcheck // of the Go that builds
	if err != nil {
		return nil, fmt.Errorf("time zones: %w", err)
	}
	var roots bytes.Buffer
	for root := range bundle.Roots() {
		if err := pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range []struct {
		name string
		mode int64
		text []byte
	}{
		{"data/", 0o1777, nil}, // whichever user it runs as
		{certificates, 0o444, roots.Bytes()},
		{"hookspan", 0o555, text},
		{zones, 0o444, when},
	} {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)), ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR}
		if f.text == nil {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
