import { runCommand } from './run-command.ts';
import { StackError } from './stack-error.ts';

const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

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
    await runCommand('mvn', ['--batch-mode', '--quiet', goal, ...args]);
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    if (cause?.code !== 'ENOENT') throw error;
    throw new StackError('Maven is missing: apt-get install maven', { cause: error });
  }
}
