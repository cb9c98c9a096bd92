/**
 * The project's own sentences, of the kinds people send to a model. {P} a full name, {G} a given and {F} a family name,
 * {L} a place, {O} an organisation; each in any language. {C} is a capitalised phrase that is no name, {N} a number.
 */
export const sentences: readonly string[] = `
Hi, I'm {P} and I need help with my résumé.
My name is {P}. I work for {O} in {L}.
my name's {G}, i live in {L}
Can you help me write a letter to {P}?
Draft an e-mail to my manager {P} asking for Friday off.
Write a birthday poem for my sister {G}.
Write a thank-you note to {G} and {G} for the lovely dinner.
Please tell {G} that the meeting was moved to {N}.
I had lunch with {G} {F} yesterday.
{P} sent me this contract, is it fair?
{G} said she would call back on Tuesday.
{G} asked {G} whether the report was ready.
Is {P} still our contact at {O}?
Ask {G} about the invoice from {O}.
Summarise the call between {P} and {P}.
The tenant, {P}, has not paid since March.
The patient {P} was admitted to {O} in {L}.
Pt: {P}, {N} y/o, presents with cough.
Dr. {F} prescribed antibiotics.
Dr {P} will see you now.
Mr. {F} and Mrs. {F} live in {L}.
Ms. {F} complained about the noise.
Prof. {P} teaches at the {O}.
Judge {F} dismissed the case against {P}.
Officer {F} stopped {P} near {L}.
Dear {P},
Dear {G},
Dear Mr. {F},
Dear Ms {F}, thank you for your letter.
Hi {G}, how are you?
Hello {G}! Long time no see.
Hey {G}, are you coming to {L}?
Thanks, {G}
Best regards,\n{P}
Kind regards\n{G}
Sincerely,\n{P}\n{O}
Cheers,\n{G}
Love, {G}
Yours faithfully,\n{P}
From: {P}\nTo: {P}\nSubject: {C}
Cc: {P}, {P}
Name: {P}
Name: {P}\nCity: {L}\nEmployer: {O}
Full name: {P}
First name: {G}\nLast name: {F}
Surname: {F}
Contact person: {P}
Emergency contact: {P}
Client: {P} / {O}
Author: {P}
Attendees: {P}, {P}, {P}
Participants: {G}, {G} and {G}
Signed: {P}
Cardholder: {P}
{"name": "{P}", "city": "{L}"}
{"firstName": "{G}", "lastName": "{F}", "company": "{O}"}
{"customer": {"name": "{P}", "country": "{L}"}}
name,city\n{P},{L}\n{P},{L}
| {P} | {L} | {N} |
INSERT INTO people VALUES ('{P}', '{L}');
UPDATE customers SET name = '{P}' WHERE id = {N};
// written by {P}
# author: {P}
@author {P}
const owner = "{P}";
User: {P}
{P}: when is it due?
{G}: hey\n{G}: hi, what's up
Speaker 1: thanks {G}
"I never agreed to that," said {P}.
"We are thrilled," {F} told reporters.
According to {P}, sales fell by {N} percent.
{P}, who grew up in {L}, founded {O} in {N}.
{P} was born in {L} and moved to {L} as a child.
{P} ({N}) is an accountant from {L}.
{F} and {F} disagreed about the budget.
{F}'s lawyer declined to comment.
{G}'s mother lives in {L}.
I met {G} at a wedding in {L}.
My friend {G} is moving to {L} next month.
My wife {G} and I are flying to {L}.
My husband {G} lost his job at {O}.
My son {G} is {N} and my daughter {G} is {N}.
My boss, {P}, keeps shouting at me.
My neighbour {G} {F} plays the drums at night.
My colleague {G} from {O} said no.
My therapist {P} suggested this.
My landlord {F} wants to sell.
my ex {G} keeps texting me
my gf {G} is mad at me
my bf {G} forgot my birthday lol
my cousin {G} got married in {L}
i'm {G} btw
i am {G} from {L}
this is {G} from {O}
its {G}, can u call me
tell {G} i said hi
do you know {P}?
does {G} like {G}?
is {P} married?
who is {P}
what should i say to {G} after the fight
write a story about {G} and {G}
write a love letter to {G} from {G}
make a rap about my friend {P}
roast my friend {G}
give me a nickname for {G}
write a eulogy for my grandfather {P}
write a reference letter for {P}, who worked at {O}
write a cv for {P}, nurse, {L}
write a complaint to {O} about {P}
translate this for {G}: good morning
how do i pronounce {P}
explain to {G} why the sky is blue
what does {G} mean in this sentence
should i text {G} or wait
{G} and i broke up in {L}
{G} is not replying to my messages
{G} owes me {N} dollars
{P} IS CALLING ME EVERY DAY
WHO IS {P} AND WHY DID HE LEAVE {L}
The witness, {P}, identified {P} in court.
Case no. {N}: {F} v. {F}
The account belongs to {P}.
The package was delivered to {P} in {L}.
Please add {P} to the mailing list.
Please remove {P} from the guest list.
Please transfer the amount to {P}.
Pay to the order of {P}
Beneficiary: {P}
The booking is under {F}.
Reservation for {F}, party of {N}.
A table for {N} under the name {F}, please.
I'd like to change the name on my account to {P}.
It should read {P}, not {P}.
The name on the card is {P}.
You spoke to my assistant {G}.
I spoke with {G} in support yesterday.
Agent: May I have your name? Customer: {P}
Agent: And your surname?\nCustomer: {F}
What is your first name? {G}
Your last name, please? {F}
The new hires are {P}, {P} and {P}.
The team: {G}, {G}, {G}, {G}
{G}, {G} and {G} are on holiday.
{P} won the raffle.
{P} plays guitar in a band from {L}.
{P}'s new album is out, have you heard it?
Have you read the novel by {P}?
Directed by {P}, starring {P} and {P}.
The song was written by {P} and {P}.
A painting by {F} hangs in {L}.
The {F} family moved to {L}.
The {F} report was published by {O}.
An early {F} film, restored.
The singer {F} cancelled the concert in {L}.
He lives in {L}.
She grew up in {L}, {L}.
I moved from {L} to {L}.
We are going on holiday to {L}.
We relocated from {L} last year.
How is the weather in {L}?
What time is it in {L}?
Best restaurants in {L}
flights from {L} to {L}
Plan a three-day trip to {L}.
What is the capital of {L}?
Population of {L}
The train from {L} to {L} takes {N} hours.
The flight landed in {L} at {N}.
I need a visa for {L}.
The war in {L} and the talks in {L}
She studied in {L} and works near {L}.
The hospital in {L} is full.
The office is in {L}, {L}.
Our factory in southern {L} closed.
I was in {L} when it happened.
Born: {L}
Place of birth: {L}
City: {L}
Country: {L}
Location: {L}
Destination: {L}
How do I get from {L} to the airport?
I work at {O}.
I got an offer from {O} and one from {O}.
I used to work for {O} but quit.
She is the CEO of {O}.
He joined {O} in {N}.
Invoice from {O}
Employer: {O}
Company: {O}
The shares of {O} fell {N}%.
{O} announced a merger with {O}.
{O} is hiring in {L}.
{O} opened an office in {L}.
Our supplier {O} went bankrupt.
I bank with {O}.
The lawsuit against {O} was settled.
Write a press release for {O}.
Write a slogan for {O}.
I have an interview at {O} tomorrow.
The contract between {O} and {O} ends in {N}.
Customer service at {O} was terrible, ask for {G}.
The {O} branch in {L} is closed.
{C}
{C}: {C}
Explain {C} in simple terms.
What is {C}?
Write an essay about {C}.
How does {C} work?
The {C} is based on the {C}.
Question: What is {C}?\nAnswer:
Title: {C}
Chapter {N}: {C}
Introduction to {C}
Choose the correct answer. A) {C} B) {C} C) {C}
On Monday we discussed {C}.
In January the {C} begins.
I bought a new {C} for Christmas.
He speaks English, German and Spanish.
American and French scientists study {C}.
The Italian restaurant serves Japanese food.
I'm learning {C} and {C}.
I'm Happy to help you with {C}.
I'm Sorry, but the answer is no.
Write a Python function that sorts a list.
Use SQL to join the Orders and Customers tables.
class Person:\n    def greet(self): return True
public static void main(String[] args)
import React from 'react'
Given the following context, answer the question.
Premise: The boy is asleep. Hypothesis: He is awake. Does the premise entail the hypothesis?
Note: All times are in Eastern Standard Time.
Please See Attached
Terms and Conditions apply.
Dear Sir or Madam,
Dear Customer Service,
Dear Hiring Manager,
Dear Team,
Hi there, can you help?
Hi All,
Hello World
Hey Guys
Best Wishes
Thanks in Advance
Kind Regards
Happy Birthday
Merry Christmas and a Happy New Year
My Name Is
The End
`
  .trim()
  .split("\n")
  .map((line) => line.replaceAll("\\n", "\n"));

/** Capitalised phrases that name no one, for {C}. */
export const phrases: readonly string[] =
  `Machine Learning|Neural Networks|Quantum Mechanics|Photosynthesis|The Great Depression|World War II|Climate Change|Renaissance|French Revolution|Cold War|Industrial Revolution|Stock Market|Supply and Demand|Data Structures|Binary Search|Object-Oriented Programming|Version Control|Continuous Integration|Operating Systems|Linear Algebra|Calculus|Probability Theory|Organic Chemistry|General Relativity|Black Holes|Solar System|Milky Way|Big Bang|Natural Selection|DNA|RNA|Immune System|Blood Pressure|Mental Health|Project Management|Time Management|Customer Support|Quarterly Report|Meeting Notes|Action Items|Weekly Update|Job Description|Cover Letter|Social Media|Search Engine|Home Page|Privacy Policy|Data Protection|Human Resources|Public Relations|Business Plan|Annual Review|Frequently Asked Questions|Table of Contents|Getting Started|Best Practices|User Guide|Release Notes|Known Issues|Error Handling|Unit Tests|Merge Request|Pull Request|Code Review|Stack Trace|Null Pointer|Hash Map|Linked List|Red Planet|Blue Whale|Golden Retriever|Persian Cat|Chocolate Cake|Chicken Soup|Caesar Salad|Green Tea|Ice Cream|Banana Bread|Electric Guitar|Grand Piano|Chess|Football|Basketball|Yoga|Marathon|Winter Olympics|World Cup|Star|Moon|Earth|Sun|Spring|Summer|Autumn|Winter|Morning|Evening|Weekend|Holiday|Breakfast|Bitcoin|Blockchain|Artificial Intelligence|Large Language Models|Natural Language Processing|Reinforcement Learning|Gradient Descent|Decision Trees|Random Forest|Bayesian Statistics|Central Limit Theorem|Pythagorean Theorem|Prime Numbers|Golden Ratio|Magna Carta|Bill of Rights|Constitution|Democracy|Capitalism|Buddhism|Christianity|Islam|Bible|Quran|Old Testament|Middle Ages|Bronze Age|Roman Empire|Ottoman Empire|Great Wall|Grammar|Present Perfect|Passive Voice|Short Story|Haiku|Sonnet|Dungeon Master|Wizard|Dragon|Princess|Knight|Once Upon a Time|In Conclusion|First of All|On the Other Hand|Please Note|Important|Warning|Instructions|Example|Output|Input|Answer|Question|Summary|Review|Sentence|Paragraph|Passage|Article|Headline|Category|Positive|Negative|True|False|Yes|No|None of the Above|All of the Above`.split(
    "|",
  );
