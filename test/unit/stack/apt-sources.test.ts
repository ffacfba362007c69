import { expect } from 'chai';
import { parseRelease, sourcesForSuite } from '../../../stack/install/apt-sources.ts';

const UBUNTU_RELEASE = `PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
LOGO=ubuntu-logo
`;
const DEBIAN_RELEASE = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_CODENAME=bookworm
ID=debian
`;

/** The ubuntu.sources that Ubuntu 24.04 installs, with other hosts. */
const UBUNTU_SOURCES = `# Ubuntu sources have moved to the /etc/apt/sources.list.d/ubuntu.sources
# file, which uses the deb822 format. Use deb822-formatted .sources files
# to manage package sources in the /etc/apt/sources.list.d/ directory.

# See the sources.list(5) manual page for more information.

Types: deb
URIs: http://archive.example.org/ubuntu/
Suites: noble noble-updates noble-backports
## Components: see the manual.
Components: main restricted universe multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Types: deb
URIs: http://security.example.org/ubuntu/
Suites: noble-security
Components: main restricted universe multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
`;

/** The debian.sources of Debian 12, with another host. */
const DEBIAN_SOURCES = `Types: deb
# a comment
URIs: https://deb.example.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://deb.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

describe('The release of a machine', () => {
  it('is read of Debian, of Ubuntu, and of what derives from them', () => {
    expect(parseRelease(DEBIAN_RELEASE)).to.deep.equal({
      distribution: 'debian',
      suite: 'bookworm',
    });
    expect(parseRelease(UBUNTU_RELEASE)).to.deep.equal({ distribution: 'ubuntu', suite: 'noble' });
    const mint =
      'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble';
    expect(parseRelease(mint)).to.deep.equal({ distribution: 'ubuntu', suite: 'noble' });
    expect(parseRelease('ID=raspbian\nID_LIKE=debian\nVERSION_CODENAME=bookworm')).to.deep.equal({
      distribution: 'debian',
      suite: 'bookworm',
    });
  });

  it('is none where there are no Debian packages', () => {
    expect(parseRelease('ID=fedora\nVERSION_CODENAME=""')).to.equal(undefined);
    expect(parseRelease('ID=arch\nVERSION_CODENAME=rolling')).to.equal(undefined);
    expect(parseRelease('')).to.equal(undefined);
  });
});

describe('The apt sources of an Ubuntu', () => {
  const universe = { suite: 'noble', components: ['main', 'universe'] };

  it('keep address, key and components, and leave out updates and other mirrors', () => {
    expect(sourcesForSuite([UBUNTU_SOURCES], 'noble', universe)).to.deep.equal({
      oneLine: [],
      deb822: [
        `types: deb
uris: http://archive.example.org/ubuntu/
suites: noble
components: main restricted universe multiverse
signed-by: /usr/share/keyrings/ubuntu-archive-keyring.gpg`,
      ],
    });
  });

  it('get the components that are wanted and not read yet, whatever the path of the mirror', () => {
    const ports = 'deb http://ports.example.org/ubuntu-ports noble main restricted # ports\n';
    expect(sourcesForSuite([ports], 'noble', universe).oneLine).to.deep.equal([
      'deb http://ports.example.org/ubuntu-ports noble main restricted universe',
    ]);
  });
});

describe('The apt sources of a Debian, for another suite', () => {
  const toSid = (...files: string[]) =>
    sourcesForSuite(files, 'bookworm', { suite: 'sid', components: ['main'] });

  it('keep the address and the key of a deb822 source', () => {
    expect(toSid(DEBIAN_SOURCES).deb822).to.deep.equal([
      `types: deb
uris: https://deb.example.org/debian
suites: sid
components: main
signed-by: /usr/share/keyrings/debian-archive-keyring.gpg`,
    ]);
  });

  it('keep a key that stands in the source itself', () => {
    const [source] = toSid(`Types: deb deb-src
URIs: https://deb.example.org/debian
Suites:
 bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADm
 -----END PGP PUBLIC KEY BLOCK-----
`).deb822;
    expect(source).to.equal(`types: deb
uris: https://deb.example.org/debian
suites: sid
components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADm
 -----END PGP PUBLIC KEY BLOCK-----`);
  });

  it('keep the address and the options of a one-line source', () => {
    const text = `# deb https://off.example.org/debian bookworm main
deb [arch=amd64 trusted=yes] https://deb.example.org/debian bookworm main
deb https://deb.example.org/debian bookworm-updates main
deb-src https://deb.example.org/debian bookworm main`;
    expect(toSid(text)).to.deep.equal({
      oneLine: ['deb [arch=amd64 trusted=yes] https://deb.example.org/debian sid main'],
      deb822: [],
    });
  });

  it('leave out what is disabled, other suites and what is there twice', () => {
    const disabled = 'Types: deb\nEnabled: no\nURIs: https://a.example.org\nSuites: bookworm';
    const sources = 'Types: deb-src\nURIs: https://a.example.org\nSuites: bookworm';
    const other = 'deb https://vendor.example.org/node nodistro main';
    const one = 'deb https://b.example.org/debian bookworm main';
    expect(toSid(disabled, sources, other, one, one)).to.deep.equal({
      oneLine: ['deb https://b.example.org/debian sid main'],
      deb822: [],
    });
  });
});
