import { Field, ID, InterfaceType } from 'type-graphql';

@InterfaceType({ description: 'An object with an id of its own.' })
export abstract class Node {
  @Field(() => ID, { description: "The object's id: a unique UUIDv7. Newer ids sort after older ones." })
  id!: string;
}
