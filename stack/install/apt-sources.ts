// The machine's apt sources, read as data: which mirrors it uses, in which form, for which suites.

/** What of /etc/os-release says where this machine's packages come from. */
export type Release = { distribution: 'debian' | 'ubuntu'; suite: string };

/** A suite of a distribution, and the components that must be read beside those the machine reads. */
export type WantedSuite = { suite: string; components: readonly string[] };

/** Sources for apt, in its two forms; each entry as it stands in a file. */
export type AptSources = { oneLine: string[]; deb822: string[] };

/**
 * The distribution and its suite, e.g. bookworm or noble; of a derivative of Ubuntu, Ubuntu's.
 * @param osRelease the text of /etc/os-release
 * @returns undefined when it is neither a Debian nor an Ubuntu
 */
export function parseRelease(osRelease: string): Release | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}="?([^"\n]+)"?$`, 'm').exec(osRelease)?.[1];
  const families = `${field('ID') ?? ''} ${field('ID_LIKE') ?? ''}`.split(' ');
  const suite = field('UBUNTU_CODENAME') ?? field('VERSION_CODENAME');
  if (suite === undefined) return undefined;
  if (families.includes('ubuntu')) return { distribution: 'ubuntu', suite };
  return families.includes('debian') ? { distribution: 'debian', suite } : undefined;
}

/**
 * The machine's own sources of a suite, for another suite or for the same one: address, key and
 * options stay as they are. With the wanted components come those that the machine reads already.
 * @param files the texts of sources.list and of the files in sources.list.d
 * @param ownSuite only entries that name this suite are taken; those of its updates are not
 */
export function sourcesForSuite(
  files: readonly string[],
  ownSuite: string,
  wanted: WantedSuite,
): AptSources {
  return {
    oneLine: unique(files.flatMap((text) => oneLineSources(text, ownSuite, wanted))),
    deb822: unique(files.flatMap((text) => deb822Sources(text, ownSuite, wanted))),
  };
}

function oneLineSources(text: string, ownSuite: string, wanted: WantedSuite): string[] {
  const entries = text.matchAll(/^deb[ \t]+(\[[^\]\n]*\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+([^#\n]+)/gm);
  return [...entries].flatMap(([, options = '', uri, suite, components = '']) =>
    suite === ownSuite
      ? [`deb ${options}${uri} ${wanted.suite} ${componentsFor(components, ownSuite, wanted)}`]
      : [],
  );
}

function deb822Sources(text: string, ownSuite: string, wanted: WantedSuite): string[] {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = deb822Fields(stanza);
    const words = (name: string): string[] => fields.get(name)?.trim().split(/\s+/) ?? [];
    const isUsed =
      words('types').includes('deb') && !/^(no|false|0)$/i.test(words('enabled')[0] ?? '');
    if (!isUsed || !words('suites').includes(ownSuite)) return [];
    const changed = new Map(fields)
      .set('types', ' deb')
      .set('suites', ` ${wanted.suite}`)
      .set('components', ` ${componentsFor(fields.get('components') ?? '', ownSuite, wanted)}`);
    return [[...changed].map(([name, value]) => `${name}:${value}`).join('\n')];
  });
}

/** Field names in lower case, and what follows the colon, with the lines that continue it. */
function deb822Fields(stanza: string): Map<string, string> {
  const fields = stanza.matchAll(/^([A-Za-z0-9-]+):(.*(?:\n[ \t].*)*)/gm);
  return new Map([...fields].map(([, name = '', value = '']) => [name.toLowerCase(), value]));
}

/** What the machine reads of its own suite says nothing of another one's components. */
function componentsFor(own: string, ownSuite: string, wanted: WantedSuite): string {
  const kept = wanted.suite === ownSuite ? own.trim().split(/\s+/) : [];
  return unique([...kept, ...wanted.components].filter((name) => name !== '')).join(' ');
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
