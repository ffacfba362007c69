import { runCommand } from './run-command.ts';
import { StackError } from './stack-error.ts';

// 2.8 takes an artifact as it is; later ones read its parents first, and those of Apicurio 3.0.9 are not published.
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:2.8';

/**
 * Copies all run-time jars that a pom names, with what they depend on, into a folder.
 * @throws StackError with Maven's last lines
 */
export async function copyDependencies(pom: string, folder: string): Promise<void> {
  await maven(`${DEPENDENCY_PLUGIN}:copy-dependencies`, [
    `--file=${pom}`,
    '-DincludeScope=runtime',
    `-DoutputDirectory=${folder}`,
  ]);
}

/**
 * Copies one artifact into a folder.
 * @param artifact group:artifact:version:type:classifier
 * @throws StackError with Maven's last lines
 */
export async function copyArtifact(artifact: string, folder: string): Promise<void> {
  await maven(`${DEPENDENCY_PLUGIN}:copy`, [
    `-Dartifact=${artifact}`,
    `-DoutputDirectory=${folder}`,
  ]);
}

async function maven(goal: string, args: string[]): Promise<void> {
  try {
    await runCommand('mvn', ['--batch-mode', '--quiet', '-Dstyle.color=never', goal, ...args]);
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    if (cause?.code === 'ENOENT') {
      throw new StackError('Maven is missing: apt-get install maven', { cause: error });
    }
    const reason = /\[ERROR\] (.+)/.exec(message)?.[1] ?? message;
    throw new StackError(`${reason}; Maven must reach its central repository or a mirror of it`, {
      cause: error,
    });
  }
}
