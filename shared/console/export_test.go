package console

// Routes are method and path, below Base, of every page and action there is.
func Routes() (all []string) {
	for _, rt := range new(console).table() {
		all = append(all, rt.method+" "+rt.path)
	}
	return all
}
