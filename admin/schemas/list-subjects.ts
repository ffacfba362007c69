// What the registry holds: every subject, or one version of one.
import type { RegistryApi, SubjectVersion } from './registry-api.ts';

/** A subject with the schema id of each version, oldest first, and its own compatibility level. */
export type SubjectEntry = {
  subject: string;
  versions: { version: number; id: number | null }[];
  /** null: it has none of its own. */
  compatibility: string | null;
};

/**
 * Every subject whose name begins with the prefix, sorted.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function listSubjects(
  registry: RegistryApi,
  topicPrefix: string,
): Promise<SubjectEntry[]> {
  const subjects = (await registry.subjects()).filter((name) => name.startsWith(topicPrefix));
  return Promise.all(
    subjects.map(async (subject) => {
      const numbers = (await registry.versions(subject)) ?? [];
      const versions = await Promise.all(
        numbers.map(async (version) => ({
          version,
          // null: the version was deleted meanwhile.
          id: (await registry.version(subject, version))?.id ?? null,
        })),
      );
      return { subject, versions, compatibility: await registry.levelOf(subject) };
    }),
  );
}

/** The version of a subject, or why there is none. */
export type VersionSearch =
  | { kind: 'found'; version: SubjectVersion }
  | { kind: 'missing'; reason: string };

/**
 * One version of a subject; the newest when none is named.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function findVersion(
  registry: RegistryApi,
  subject: string,
  version?: number,
): Promise<VersionSearch> {
  const versions = await registry.versions(subject);
  if (versions === null) return { kind: 'missing', reason: `there is no subject ${subject}` };
  const wanted = version ?? versions.at(-1);
  if (wanted === undefined || !versions.includes(wanted)) {
    return { kind: 'missing', reason: `${subject} has the versions ${versions.join(', ')}` };
  }
  const found = await registry.version(subject, wanted);
  return found === null
    ? { kind: 'missing', reason: `${subject} has no version ${wanted} any more` }
    : { kind: 'found', version: found };
}
