import { runCommand } from '../process/run-command.ts';
import { StackError } from '../stack-error.ts';

// 2.8 takes an artifact as it is; later ones read its parents first, and those of Apicurio 3.0.9 are not published.
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:2.8';

/**
 * Copies all run-time jars that a pom names, with what they depend on, into a folder.
 * @throws StackError with Maven's last lines
 */
export async function copyDependencies(
  pom: string,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const args = [`--file=${pom}`, '-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
  await maven(`${DEPENDENCY_PLUGIN}:copy-dependencies`, args, signal);
}

/**
 * Copies one artifact into a folder.
 * @param artifact group:artifact:version:type:classifier
 * @throws StackError with Maven's last lines
 */
export async function copyArtifact(
  artifact: string,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const args = [`-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`];
  await maven(`${DEPENDENCY_PLUGIN}:copy`, args, signal);
}

async function maven(goal: string, args: string[], signal?: AbortSignal): Promise<void> {
  try {
    const quiet = ['--batch-mode', '--quiet', '-Dstyle.color=never'];
    await runCommand('mvn', [...quiet, goal, ...args], { signal });
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    if (cause?.code === 'ENOENT') {
      throw new StackError('Maven is missing: apt-get install maven', { cause: error });
    }
    const reason = /\[ERROR\] (.+)/.exec(message)?.[1] ?? message.trim();
    throw new StackError(`${reason} (Maven must reach its central repository or a mirror)`, {
      cause: error,
    });
  }
}
