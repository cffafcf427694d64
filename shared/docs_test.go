package shared_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// namedTest is a test as docs name it: `shared/httpapi.TestLimits`.
var namedTest = regexp.MustCompile("`([a-z][a-z0-9/-]*)\\.((?:Test|Fuzz)\\w+)`")

// missing tells which of the tests that a text names are not in the module below root, and how many it names.
func missing(root, text string) (absent []string, named int) {
	for _, name := range namedTest.FindAllStringSubmatch(text, -1) {
		named++
		files, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(name[1]), "*_test.go")) // the pattern is well-formed
		declared := regexp.MustCompile(`(?m)^func ` + name[2] + `\(`)
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			found = found || err == nil && declared.Match(source)
		}
		if !found {
			absent = append(absent, name[1]+"."+name[2])
		}
	}
	return absent, named
}

func TestSecurityPageNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	absent, named := missing("..", string(page))
	for _, name := range absent {
		t.Errorf("docs/security.md names %s, which does not exist", name)
	}
	if loose := regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(string(page), -1); len(loose) != named {
		t.Errorf("%d tests are named, %d of them with their package", len(loose), named)
	}
	if named < 30 {
		t.Errorf("only %d tests are named", named)
	}
	t.Run("one that does not exist is found", func(t *testing.T) {
		if absent, _ := missing("..", "`shared.TestThatIsNotThere` `shared.TestHouseRules` `shared/none.TestHouseRules`"); len(absent) != 2 {
			t.Errorf("got %v", absent)
		}
	})
}
