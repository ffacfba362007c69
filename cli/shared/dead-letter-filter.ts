// Which dead letters a command is about: by id, by filter, or all of them.
import type { Command } from 'commander';
import { holdsCoupon } from '../../admin/dead-letters/holds-coupon.ts';
import type { DeadLetterFilter } from '../../admin/dead-letters/parked-dead-letters.ts';
import { createRegistryApi } from '../../admin/schemas/registry-api.ts';
import { readAddresses, systemEnvironment } from './addresses.ts';
import { couponId, deadLetterIds, wholeNumber } from './option-values.ts';

export type FilterOptions = { reason?: string; topic?: string; coupon?: string; limit?: number };
export type SelectionOptions = FilterOptions & { all?: boolean; dryRun?: boolean };

/** Gives a command the options that leave dead letters out. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--reason <code>', 'only those with this code')
    .option('--topic <topic>', 'only those of this topic')
    .option('--coupon <id>', 'only those whose event can be read and is of this coupon', couponId)
    .option('--limit <n>', 'at most n', wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER }));
}

/** Gives a command that changes dead letters its ids and options. */
export function addSelectionOptions(command: Command): Command {
  return addFilterOptions(command)
    .argument('[ids...]', 'which ones; or filters, or --all', deadLetterIds)
    .option('--all', 'all that are parked')
    .option('--dry-run', 'only show which ones');
}

/**
 * Nothing is changed by leaving something out: ids, filters or --all have to be there, and no two of them.
 * @throws CommanderError
 */
export function requireSelection(
  ids: readonly number[],
  { reason, topic, coupon, all = false }: SelectionOptions,
  command: Command,
): void {
  const isFiltered = reason !== undefined || topic !== undefined || coupon !== undefined;
  const isClear = ids.length > 0 ? !all && !isFiltered : all || isFiltered;
  if (!isClear) command.error('error: say which ones: ids, or filters, or --all');
}

/** What the options select; the registry is asked only for events of one coupon. */
export function toFilter(
  { reason, topic, coupon, limit }: FilterOptions,
  ids: readonly number[] = [],
): DeadLetterFilter {
  return {
    ...(ids.length === 0 ? {} : { ids }),
    ...(reason === undefined ? {} : { reasonCode: reason }),
    ...(topic === undefined ? {} : { topic }),
    ...(limit === undefined ? {} : { limit }),
    ...(coupon === undefined ? {} : { hasValue: holdsCoupon(coupon, openRegistry()) }),
  };
}

function openRegistry() {
  return createRegistryApi(readAddresses(systemEnvironment(), ['registry']).registry);
}
