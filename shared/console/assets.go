package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
)

//go:embed assets
var assetFiles embed.FS

// assets serves stylesheet, script and icon. Their URLs change with what is in them, so browsers keep them for good.
type assets struct {
	version string
	files   map[string][]byte
}

func loadAssets() assets {
	a := assets{files: map[string][]byte{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // they are part of the program
	}
	sum := sha256.New()
	for _, e := range entries {
		data, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		a.files[e.Name()] = data
		sum.Write(data)
	}
	a.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return a
}

// url returns where a file is.
func (a assets) url(name string) string { return Base + "/static/" + a.version + "/" + name }

// ServeHTTP answers a file of this version. A page of another release, kept open during a deployment, gets the file as it is now.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	data, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if r.PathValue("version") == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Write(data)
}
