import { Field, ID, InterfaceType } from 'type-graphql';

@InterfaceType({ description: 'Anything that has an id of its own.' })
export abstract class Node {
  @Field(() => ID, { description: 'A UUIDv7: unique, and later ones sort after earlier ones.' })
  id!: string;
}
