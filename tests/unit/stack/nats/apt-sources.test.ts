import { describe, expect, test } from "bun:test";
import { findArchive, parseDeb822, parseOneLine } from "@millrace/stack/nats/apt-sources";

describe("deb822", () => {
  test("a stanza with a comment inside, as images have it", () => {
    const text = `Types: deb
# http://snapshot.example/archive
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
`;
    expect(parseDeb822(text)).toEqual([
      {
        uri: "http://archive.example/debian",
        suites: ["bookworm", "bookworm-updates"],
        components: ["main"],
        signedBy: "/usr/share/keyrings/archive.gpg",
      },
      {
        uri: "http://archive.example/debian-security",
        suites: ["bookworm-security"],
        components: ["main"],
        signedBy: undefined,
      },
    ]);
  });

  test("names in any case, several URIs, and a key in the file itself", () => {
    const text = `types: deb deb-src
uris: http://one.example http://two.example
SUITES: trixie
components: main contrib
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----`;
    const sources = parseDeb822(text);
    expect(sources.map(({ uri }) => uri)).toEqual(["http://one.example", "http://two.example"]);
    expect(sources[0]?.signedBy).toBe(
      "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n-----END PGP PUBLIC KEY BLOCK-----",
    );
  });

  test.each(["Enabled: no\nTypes: deb", "Types: deb-src"])("%p is left out", (head) => {
    expect(parseDeb822(`${head}\nURIs: http://a.example\nSuites: sid\nComponents: main`)).toEqual([]);
  });
});

describe("one line", () => {
  test("with and without options, comments left out", () => {
    const text = `# deb http://off.example sid main
deb http://one.example/debian bookworm main contrib # why
deb [arch=amd64 signed-by=/k.gpg] https://two.example/debian sid main
deb-src http://one.example/debian bookworm main
`;
    expect(parseOneLine(text)).toEqual([
      {
        uri: "http://one.example/debian",
        suites: ["bookworm"],
        components: ["main", "contrib"],
        signedBy: undefined,
      },
      { uri: "https://two.example/debian", suites: ["sid"], components: ["main"], signedBy: "/k.gpg" },
    ]);
  });
});

describe("the archive", () => {
  const source = (uri: string, suite: string, component = "main") => ({
    uri,
    suites: [suite],
    components: [component],
    signedBy: undefined,
  });

  test("is neither the security archive nor a third party's", () => {
    const sources = [
      source("http://vendor", "nodistro"),
      source("http://security", "bookworm-security"),
      source("http://archive", "bookworm"),
    ];
    expect(findArchive(sources, "bookworm")?.uri).toBe("http://archive");
  });

  test("is missing when nothing serves main of this release", () => {
    expect(
      findArchive([source("http://a", "bookworm", "contrib"), source("http://b", "jammy")], "bookworm"),
    ).toBeUndefined();
  });
});
