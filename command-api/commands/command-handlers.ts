// The commands of this process: one handler for each.
import { assignCoupon } from './assignment/assign-coupon.ts';
import { type CommandDefinition, createDecide } from './command-definition.ts';
import { createCoupon } from './coupon/create-coupon.ts';
import { type CommandContext, type CommandHandler, createHandler } from './handle-command.ts';

/** What commands are decided with: scripts, key names and limits. */
export type DecidePart = Parameters<typeof createDecide>[1];

export type CommandHandlers = ReturnType<typeof createCommandHandlers>;

/** A handler for every command there is. */
export function createCommandHandlers(context: CommandContext, decideBy: DecidePart) {
  const handlerOf = <
    Command extends { couponId: string },
    Success extends { kind: string },
    Refusal extends { kind: string },
  >(
    definition: CommandDefinition<Command, Success, Refusal>,
  ): CommandHandler<Command, Success, Refusal> =>
    createHandler(definition, createDecide(definition, decideBy), context);

  return { createCoupon: handlerOf(createCoupon), assignCoupon: handlerOf(assignCoupon) };
}
