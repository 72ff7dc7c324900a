import { Field, InputType, ObjectType } from 'type-graphql';

@ObjectType({ description: "The client's own reference on a job.", simpleResolvers: true })
export class Label {
  @Field(() => String, { description: '1 to 64 characters of `a-z`, `0-9`, `_`, `.` and `-`.' })
  key!: string;

  @Field(() => String, { description: 'Up to 256 characters.' })
  value!: string;
}

@InputType({ description: "The client's own reference on a job." })
export class LabelInput {
  @Field(() => String, { description: '1 to 64 characters of `a-z`, `0-9`, `_`, `.` and `-`; each key once.' })
  key!: string;

  @Field(() => String, { description: 'Up to 256 characters.' })
  value!: string;
}
