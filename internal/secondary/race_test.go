//go:build race

package secondary

func init() { raced = true }
