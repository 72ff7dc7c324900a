import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { mayRead, permit } from '../accounts/caller.ts';
import { MotionJob } from '../schema/motion-job.type.ts';
import { Node } from '../schema/node.type.ts';
import type { Context } from './context.ts';

@Resolver()
export class NodeResolver {
  @Query(() => Node, {
    nullable: true,
    description: 'An object by its id; null if there is no such object, or if it belongs to another account.',
  })
  async node(
    @Arg('id', () => ID, { description: "The object's id." }) id: string,
    @Ctx() { caller, jobs }: Context,
  ): Promise<Node | null> {
    const accountId = permit(caller, 'jobs:read');
    const job = mayRead(caller, id) ? await jobs.find(accountId, id) : null;
    return job && MotionJob.of(job);
  }
}
