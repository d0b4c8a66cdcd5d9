#pragma once

#include <string_view>

namespace data {

// What write_stories chooses from: a long file because it is all words.
//
// A rule is a name, a colon and its choices, apart by bars. In a choice,
//   [name]       is what name stands for in this story, or else one choice of the rule name;
//   [Name]       the same with a capital;
//   [a name]     the same after "a" or "an";
//   [name=rule]  says nothing, but from here on name stands for one choice of the rule, another
//                than any name stands for yet; if there is no such rule, for the word itself;
//   /            starts a paragraph.
inline constexpr std::string_view stories_grammar = R"grammar(
story: [lead][companion] [elder] [nature=trait] [second_nature=trait] [house=house] [place=place]
  [color=color] [garment=garment] [sky=sky] [opening] [plot] / [closing]

plot: [lost] | [lost] | [share] | [afraid] | [rescue] | [rescue] | [recipe] | [recipe] | [warning]
  | [hunt] | [hunt] | [race] | [count] | [count] | [trade] | [trade] | [sick] | [boast]

lead: [hero=girl_name][he=she][him=her][his=her][kid=girl]
  | [hero=boy_name][he=he][him=him][his=his][kid=boy]
  | [hero=pet_name][he=she][him=her][his=her][kid=beast]
  | [hero=pet_name][he=he][him=him][his=his][kid=beast]
companion: [friend=girl_name][fhe=she][fhim=her][fhis=her]
  | [friend=boy_name][fhe=he][fhim=him][fhis=his]
elder: [elder=woman][ehe=she][ehim=her] | [elder=man][ehe=he][ehim=him]

girl_name: Ada | Alma | Amy | Bella | Clara | Daisy | Dora | Elsa | Emma | Fay | Freya | Gina
  | Hanna | Ida | Iris | Ivy | Jane | June | Kira | Lena | Lily | Lucy | Luna | Mara | Maya | Mia
  | Molly | Nina | Nora | Olga | Pia | Rosa | Ruby | Sara | Sofia | Stella | Tess | Tina | Vera
  | Zoe
boy_name: Adam | Alex | Anton | Ben | Bruno | Carl | Dan | David | Elias | Emil | Felix | Finn
  | Fred | George | Hugo | Ian | Jack | Jim | John | Kai | Leo | Liam | Luca | Max | Milo | Nick
  | Noah | Oscar | Otto | Paul | Pete | Ralph | Sam | Simon | Ted | Theo | Tim | Tom | Victor | Will
pet_name: Acorn | Biscuit | Bramble | Bubbles | Button | Cloud | Clover | Cocoa | Dot | Fluff
  | Ginger | Hazel | Maple | Mossy | Nibbles | Nutmeg | Peanut | Pebble | Pepper | Pip | Scout
  | Shadow | Smoky | Snowy | Speckle | Sunny | Teddy | Truffle | Waffles | Whiskers
woman: Mom | Grandma | Aunt [girl_name] | Mrs. [surname] | old Mrs. [surname]
man: Dad | Grandpa | Uncle [boy_name] | Mr. [surname] | old Mr. [surname]
surname: Baker | Bell | Brook | Field | Fox | Green | Hill | Lake | Miller | Moon | Oak | Reed
  | Rivers | Stone | Wood
beast: rabbit | bear | fox | mouse | hedgehog | squirrel | duck | kitten | puppy | pony | turtle
  | lamb | frog | otter | owl | elephant
place: park | garden | forest | beach | farm | river | lake | meadow | market | school | library
  | playground | harbor | village square | old mill | castle | bridge | orchard | barn | train
  station
color: red | blue | green | yellow | purple | orange | pink | white | black | brown | gold | silver
garment: hat | scarf | coat | sweater | cap | ribbon | jacket | belt | cape | backpack
sky: sunny | rainy | windy | snowy | cloudy | foggy | warm | cold | bright | stormy
trait: little | small | kind | curious | brave | shy | clever | cheerful | quiet | busy | gentle
  | friendly | careful | happy | lively | dreamy | patient
good: nice | lovely | wonderful | beautiful | special | pretty | shiny | fine | splendid
toy: ball | doll | kite | drum | toy car | toy boat | puzzle | teddy bear | whistle | toy train
  | balloon | top | puppet | book | music box | wooden horse | jump rope | marble | robot | flute
find: feather | key | coin | shell | ring | stone | button | bell | leaf | ribbon | lantern
  | umbrella | basket | spoon | map | mirror | bottle | jar of honey | candle | flower
spot: under the bed | behind the door | in the tall grass | under the old tree | on the roof
  | beside the well | in the wheelbarrow | behind the fence | under a bench | in the big box | next
  to the pond | between two rocks | in the hollow log | on the top shelf | near the gate | inside
  the shed | under the stairs | below the window
food: apple | pear | carrot | egg | lemon | onion | potato | pumpkin | tomato | cup of flour | cup
  of milk | bag of nuts | pinch of salt | piece of butter | spoon of sugar | bowl of berries
dish: soup | cake | pie | stew | pudding | bread | salad | pizza | jam
creature: bird | kitten | puppy | lamb | duckling | butterfly | squirrel | rabbit | turtle | bee
  | hedgehog | frog | baby owl | mouse | fawn | pony
fear: the dark | deep water | thunder | big dogs | tall ladders | loud noises | the old cellar | the
  school play | spiders | the long slide | the dentist | strange shadows
happily: happily | gladly | with a big smile | with joy | proudly | in a cheerful voice | excitedly
sadly: sadly | in a small voice | with tears in [his] eyes | softly | with a sigh | slowly
glad: happy | glad | proud | excited | joyful | delighted | thankful | full of joy
sad: sad | upset | worried | unhappy | lonely | ready to cry | disappointed | hurt
pastime: swim | sing | dance | draw | read | run | climb trees | play ball | tell stories | paint
  | look at the clouds | feed the birds | plant seeds | build towers | bake | fish | play music
walk: walked | ran | skipped | hopped | hurried | went | wandered | marched
dayend: When the sun went down | At the end of the day | When the stars came out | Before bedtime
  | After supper | That evening | Late in the day
moment: Just then | At that moment | Suddenly | All at once | A little later | Soon after that
  | Then

opening: [begin] [detail] [habit] | [begin] [habit] [detail] | [begin] [detail] | [begin] [habit]
begin: Once upon a time, there was [a nature] [kid] named [hero]. [He] lived near the [place].
  | Once there was [a nature] [kid]. [His] name was [hero], and [his] home was close to the [place].
  | [Hero] was [a nature] [kid]. [He] lived in [a house] house not far from the [place]. | In
  [a house] house near the [place] lived [a nature] [kid] named [hero]. | There was once [a nature]
  [kid] who was called [hero]. | [Hero] was [a nature] and [second_nature] [kid].
house: small | tall | cozy | wooden | round | crooked | neat | tiny | stone | white | brick
detail: [He] always wore [a color] [garment]. | [He] had [a color] [garment] from [elder]. | [Elder]
  had made [him] [a color] [garment], and [he] wore it every day. | Everyone knew [him] by [his]
  [color] [garment].
habit: [He] liked to [pastime]. | [He] loved to [pastime] and to [pastime] with [friend]. | Every
  day [he] went to the [place] to [pastime]. | [His] best friend was [friend]. | More than anything,
  [he] loved to [pastime].
oneday: One [sky] day | One [sky] morning | On a [sky] afternoon | One day, when it was [sky]
  outside

lost: [toy=toy][shade=color][here=spot][nook=spot][there=spot] [Hero] had [a shade] [toy].
  [lost_love] / [oneday], [he] took the [shade] [toy] to the [place]. [lost_gone] [lost_look]
  [lost_ask] [lost_feel] / [Moment], [friend] came by. [wrong] "I lost my [shade] [toy]," [hero]
  said [sadly]. [lost_help] / [lost_found] [feel_good] [lost_rule]
lost_love: It was [his] favorite. | [Elder] had given it to [him]. | [He] had found it [where] long
  ago. | [He] took it everywhere. | [He] would not sleep without it.
where: near the [place] | in a shop | in an old box | on [his] birthday
lost_gone: But when [he] looked again, it was gone. | [He] put it down to [pastime], and then it was
  gone. | The wind blew hard, and soon [he] could not see it anymore. | [He] met [a creature] and
  forgot all about it. When [he] turned around, the [toy] was not there.
lost_look: [He] looked [here], but it was not there. | [He] searched [here], but found only
  [a find]. | First [he] looked [here]. There was nothing. | It was not [here]. |
lost_ask: [He] looked [nook], but it was not there. | [He] searched [nook], but found only [a find].
  | [witness=creature][He] asked [a witness], but the [witness] did not know. | [He] called and
  called, but a [toy] cannot answer.
lost_feel: [Hero] felt [sad]. | [Hero] sat down and felt [sad]. | "Where can it be?" [he] thought. |
wrong: "What is wrong, [hero]?" asked [friend]. | "Why do you look so [sad]?" asked [friend].
  | [Friend] saw that [hero] was [sad] and asked why. | "Can I help you?" [fhe] asked.
lost_help: "Let us look [there]," said [friend]. | "I saw something [shade] [there]!" said [friend].
  | [Friend] thought about it. "Did you look [there]?" [fhe] asked. | "Come with me," said [friend].
lost_found: They [walk] there together, and [there] lay the [shade] [toy]. | They looked [there].
  There was the [toy], as [shade] as ever. | And there it was! The [shade] [toy] had been [there]
  all the time.
lost_rule: From then on, [he] took good care of the [toy]. | [He] never left the [toy] at the
  [place] again. | "I will watch my [toy] better," [he] promised. | [He] let [friend] play with the
  [toy] all day.

share: [toy=toy][shade=color] [oneday], [elder] gave [hero] [a shade] [toy]. "It is all mine!" [he]
  thought. / At the [place], [friend] saw the [toy]. "What a [good] [toy]! May I play with it?"
  [fhe] asked. "No," said [hero]. "It is my [toy]." [share_sad] [share_alone] / [share_elder]
  [share_think] / [Hero] [walk] to [friend]. "I am sorry," [he] said. "Let us play with the [shade]
  [toy] together." [share_end]
share_sad: [Friend] felt [sad] and went away. | [Friend] said nothing and went home. | [Friend]
  began to cry.
share_alone: [Hero] played alone, but it was no fun. | Soon [hero] was bored. A [toy] is not much
  fun for one. | [Hero] held the [toy] tight, but [he] did not feel [glad].
share_elder: [Elder] saw it all. "A [toy] is more fun for two," [ehe] said. | "Where is [friend]?"
  asked [elder]. [Hero] looked at [his] feet and told [ehim] everything. | [Elder] said, "Yesterday
  [friend] let you have half of [fhis] [dish]. Do you remember?"
share_think: [Hero] thought about it for a long time. | [Hero] knew that it was true. | [He] felt
  [sad] about it. |
share_end: They played until it got dark, and both were [glad]. | [Friend] was [glad]. [Fhe] even
  showed [hero] a new game with the [toy]. | "Thank you!" said [friend], and [fhe] gave [hero]
  [a find] from [fhis] pocket.

afraid: [fear=fear] But there was one thing: [hero] was afraid of [fear]. [afraid_how] / [oneday],
  [friend] said, "Come to the [place] with me!" [afraid_no] "[afraid_talk]" said [friend].
  [afraid_elder] / [afraid_try] [afraid_then] [Hero] was not afraid of [fear] anymore. [feel_good]
afraid_how: [He] did not tell anyone. | When [he] thought of it, [his] knees shook. | Everyone else
  found that funny. | Only [friend] knew about it. | [He] even had bad dreams of it.
afraid_no: "I cannot," [hero] said [sadly]. "I am afraid of [fear]." | [Hero] shook [his] head.
  "What about [fear]?" [he] asked.
afraid_talk: I was afraid of [fear] too, | You can hold my hand, | We will do it together, | Being
  brave means to try,
afraid_elder: [Elder] gave them [a find] to take along. | "Take a deep breath and count to three,"
  said [elder]. |
afraid_try: [Hero] took [his] [color] [garment] and [walk] to the [place]. [He] counted to three and
  tried. | So they [walk] to the [place], hand in hand. [Hero] took one step, and then one more.
  | At first [hero] wanted to run away. But [friend] was there, so [he] stayed.
afraid_then: Nothing bad happened. | It was not so bad at all! | "I did it!" [he] said [happily].
  | Soon [he] even laughed.

rescue: [creature=creature][creature_name=pet_name][shade=color] [oneday], [hero] [walk] to the
  [place]. [He] heard a small sound. [Spot_a] was [a creature] with [shade] spots. [rescue_trouble]
  / "Do not be afraid," [hero] said. "I will help you." [rescue_try] [rescue_help] "Thank you," said
  the [creature]. "My name is [creature_name]. One day I will help you too." / [rescue_later] [He]
  felt [sad]. [Moment], [he] saw something with [shade] spots. It was [creature_name] the
  [creature]! [rescue_back] "You helped me, so I help you," said [creature_name]. [rescue_end]
spot_a: [spot] | [spot] at the [place]
rescue_trouble: It was stuck in a net. | Its leg was hurt. | It had lost its mother. | It was cold
  and hungry. | It had fallen and could not get up. | It was too weak to move.
rescue_try: But [he] could not do it alone, so [he] ran to [friend]. | [He] ran home to ask [elder]
  what to do. | [He] took off [his] [color] [garment] and put it around the [creature].
rescue_help: Together they carried the [creature] to a warm place. | Soon the [creature] could stand
  again. | [Friend] brought some milk and some bread. | [He] stayed until the [creature] felt
  better.
rescue_later: Weeks later, [hero] lost [his] way near the [place]. | When winter came, [hero]
  dropped [his] [garment] into the water. | Some time after that, [hero] could not find the way
  home. | Then came a day when [hero] fell and hurt [his] foot.
rescue_back: The [creature] showed [him] the way. | The [creature] brought [friend], who knew what
  to do. | The [creature] called all its friends, and they helped [him]. | The [creature] stayed
  with [him] until [elder] came.
rescue_end: After that, [hero] and [creature_name] met at the [place] every day. | They were friends
  forever. | [Hero] told [elder] all about the [creature] named [creature_name].

recipe: [dish=dish][one=food][two=food][three=food] [oneday], [hero] wanted to make [dish] for
  [elder]. "What do I need?" [he] asked [friend]. "You need [a one], [a two] and [a three]," said
  [friend]. / First [he] looked for the [one]. [recipe_get] [recipe_thanks] / Next [he] needed the
  [two]. [recipe_get] [recipe_more] / Now only the [three] was missing. [recipe_problem]
  [recipe_solve] / At last [hero] had everything: the [one], the [two] and the [three].
  [recipe_cook] [recipe_end]
recipe_get: [He] found it [spot]. | [Friend] had one at home and gave it to [him]. | [He] got it at
  the market for one coin. | A [trait] neighbor gave it to [him]. | A [trait] farmer had plenty.
  "Take it," the farmer said.
recipe_thanks: "Thank you!" said [hero]. | [He] put it into [his] basket. | [He] was [glad]. |
recipe_more: "That makes two," [he] said [happily]. | [He] carried it home with care. | "Good," said
  [friend]. |
recipe_problem: [Hero] looked everywhere, but could not find it. | Oh no! The shop had no [three]
  left. | [Hero] had one, but [he] dropped it on the way. | A [creature] had eaten the last one.
recipe_solve: "Do not be [sad]," said [friend]. "You can have mine." | Then [he] remembered that
  [friend] had one. | [Friend] gave [him] [fhis] own [three] and asked for nothing.
recipe_cook: They put it all in a big pot and stirred. | [Friend] stirred while [hero] read the
  recipe. | They worked for an hour.
recipe_end: "This is the best [dish] I ever had," said [elder]. | [Elder] tasted the [dish] and
  smiled. | [Elder] ate two plates of [dish] and gave [hero] a hug. | They all ate the [dish] and
  there was none left.

warning: [rule=rule] "[Rule]," said [elder]. "I promise," said [hero]. / [oneday], [hero] was at the
  [place] with [friend]. [warning_tempt] [warning_do] [warning_bad] / [warning_cry] [warning_elder]
  [warning_sorry] [warning_end]
rule: Do not climb the tall tree | Never go into the water alone | Do not touch the hot pot | Stay
  away from the deep well | Do not open the little door | Always come home before dark | Do not feed
  the wild geese | Never leave the gate open | Do not eat the berries in the forest
warning_tempt: "Nobody will see it," [he] thought. | "Just this once," said [hero]. | [He] forgot
  [his] promise. | "But [elder] said no," said [friend]. [Hero] did not listen. | "Why not?" [hero]
  thought.
warning_do: So [he] did it. | [He] waited until nobody looked, and then [he] did it. | [Friend] told
  [him] to stop, but it was too late.
warning_bad: Soon [he] fell and hurt [his] arm. | Soon [his] [color] [garment] was torn. | Then [he]
  could not get back. | At once [his] tummy began to hurt. | There was a loud crash. | In a moment
  everything was wet.
warning_cry: "Help!" cried [hero]. [Friend] ran to get [elder]. | [Hero] began to cry, and [friend]
  called for help.
warning_elder: [Elder] came as fast as [ehe] could. | [Elder] came and helped [him]. | [Elder] took
  [him] home.
warning_sorry: "[Rule]. That is what I told you," [ehe] said. "I am sorry," said [hero]. | "I am
  sorry that I broke my promise," [he] said [sadly].
warning_end: [Elder] was not angry. "Now you know why," [ehe] said. | From that day on, [hero] kept
  [his] promises. | "I am glad that you are safe," said [elder], and gave [him] a hug.

hunt: [prize=find][one=spot][two=spot][three=spot][clue=find][shade=color] [oneday], [hero] and
  [friend] found a map [one]. It was from [elder]! "Bring me [a shade] [clue] and I will give you a
  [good] surprise," it said. / They [walk] off and looked [two]. [hunt_wrong] [hunt_talk] / Then
  they looked [three]. [hunt_right] / They brought it to [elder]. "Where did you find it?" [ehe]
  asked. "It was [three]," said [hero]. "First we looked [two]." [Elder] laughed and gave them
  [a prize]. [hunt_end]
hunt_wrong: There was [a clue], but it was [color], not [shade]. | There was nothing but dust.
  | They found [a toy], but no [clue]. | A [creature] slept there, and they did not wake it up.
hunt_talk: "Let us not give up," said [friend]. | "I am tired," [hero] said [sadly]. "Just one more
  try," said [friend]. | They looked at the map again. |
hunt_right: "Look!" cried [hero]. There was the [shade] [clue]! | Something [shade] was there. It
  was the [clue]! | [Hero] reached in with [his] hand and pulled out the [shade] [clue].
hunt_end: "The [prize] is for both of us," said [hero]. | They took turns with the [prize]. | The
  [prize] was the best surprise of all.

race: [rival=boy_name][prize=find] / [oneday], there was a race at the [place]. The prize was a
  [good] [prize]. [race_boast] [Hero] and [friend] wanted to run too. / "One, two, three, go!" said
  [elder]. They all ran. [race_event] [race_choice] / [Rival] was first and got the [prize]. But
  [elder] said, "[Hero] did something better than to win." [race_end]
race_boast: "I am the fastest," said [rival]. | [Rival] had won every race before. | [Rival] laughed
  at the [color] [garment] of [hero].
race_event: [Hero] was in front when [friend] fell down. | Halfway, [friend] hurt [fhis] knee.
  | Near the end, [friend] lost a shoe.
race_choice: [Hero] stopped at once and helped [friend] up. | [Hero] turned around and [walk] back
  to [friend]. | "Run on!" said [friend]. But [hero] stayed and held [fhis] hand.
race_end: [Rival] thought about it and gave the [prize] to [hero]. | Then [ehe] found [a prize] for
  [hero] and [friend] too. | "Next time I want to be like you," said [rival]. | Everyone clapped for
  [hero] and [friend].

count: [countable][sum] [oneday], [hero] picked [all] [many] at the [place]. "[All] [many], all for
  me!" [he] said [happily]. / On the way home [he] met [friend], who looked [sad]. "I have no
  [many]," said [friend]. [count_think] [Hero] gave [friend] [some] of the [all] [many]. Now [hero]
  had [rest], and [friend] had [some]. / [count_elder] "How many [many] do you have?" asked [elder].
  "I have [rest], because I gave [some] to [friend]," said [hero]. [count_end]
countable: [many=apples] | [many=pears] | [many=nuts] | [many=flowers] | [many=plums]
  | [many=shells] | [many=cherries] | [many=mushrooms] | [many=feathers] | [many=lemons]
  | [many=pumpkins] | [many=stones] | [many=roses] | [many=berries]
sum: [all=three][some=one][rest=two] | [all=three][some=two][rest=one]
  | [all=four][some=one][rest=three] | [all=four][some=two][rest=two]
  | [all=five][some=one][rest=four] | [all=five][some=two][rest=three]
  | [all=five][some=three][rest=two] | [all=six][some=two][rest=four]
  | [all=six][some=three][rest=three] | [all=seven][some=two][rest=five]
  | [all=seven][some=three][rest=four] | [all=eight][some=three][rest=five]
  | [all=eight][some=four][rest=four] | [all=nine][some=four][rest=five]
  | [all=ten][some=four][rest=six]
count_think: [Hero] looked at the [many] and thought. | "That is not fair," thought [hero]. | [Hero]
  knew what to do. |
count_elder: At home, [elder] waited at the door. | [Elder] saw [him] come. | Then [he] [walk] home
  to [elder]. |
count_end: [Elder] was proud and made [dish] for everyone. | "Then you are rich," said [elder],
  "because you have a friend." | "You have a good heart," said [elder]. | [Elder] gave [him] one
  more, because [he] was so kind.

trade:
  [have=find][one=find][two=find][want=toy][shade=color]
  [first=surname][second=surname][third=surname]
  [Hero] wished for [a shade] [want]. But all [he] had was [a have]. / [oneday], [he] met Mr.
  [first] at the [place]. "I need [a have]," said Mr. [first]. "I will give you [a one] for it."
  [trade_yes] / Then [he] met Mrs. [second]. [trade_need] "Take my [one]," said [hero]. Mrs.
  [second] gave [him] [a two]. [trade_yes2] / Last came young Miss [third]. She had [a shade]
  [want]! "I would love to have that [two]," she said. So [hero] gave her the [two] and got the
  [shade] [want]. [trade_tell] [trade_end]
trade_yes: So they traded. | "Yes, please," said [hero]. | [Hero] thought for a moment and said yes.
  | They shook hands.
trade_yes2: "How [good]!" said [hero]. | [He] thanked her. | [He] put the [two] into [his] bag. |
trade_need: "Oh, if only I had [a one]," she said. | She looked [sad] because her [one] was broken.
  | She was looking for [a one].
trade_tell: At home [he] told [friend] how the [have] became [a one], the [one] became [a two], and
  the [two] became [a want]. | "First I had only [a have]," [he] told [elder]. "Then I got [a one],
  and then [a two], and now I have [a want]!"
trade_end: [Elder] laughed. "You are a clever [kid]," [ehe] said. | [Friend] came, and they played
  with the [want] all day. | [feel_good]

sick: [gift=find][shade=color][here=spot][there=spot] [oneday], [hero] [walk] to [friend] to
  [pastime]. But [friend] was sick in bed. [sick_say] [Hero] went home and thought. [sick_plan] /
  [He] looked for it [here] and [there], and at last [he] found [a shade] [gift]. [He] wrapped it in
  [his] [color] [garment]. / "I have something for you," [he] said to [friend]. [Friend] opened the
  [garment] and saw the [gift]. [sick_happy] [sick_later]
sick_say: "I cannot come out," [fhe] said [sadly2]. | [Fhis] head was hot. | "No games for a week,"
  the doctor had said.
sadly2: sadly | in a weak voice | with a cough | softly
sick_plan: "A [gift] would make [fhim] smile," [he] said. | [Elder] said, "Do you know what [friend]
  likes?" "Yes," said [hero], "a [gift]!" | [He] remembered that [friend] had always wanted
  [a gift].
sick_happy: "[A shade] [gift]! My favorite!" said [friend]. | [Friend] laughed for the first time
  that day. | [Friend] held the [gift] and smiled.
sick_later: The next week [friend] was well again, and the [shade] [gift] stood in [fhis] window.
  | Soon [friend] could run again. [Fhe] never forgot the [gift]. | "The [gift] made me well,"
  [friend] told everyone.

boast: [rival=boy_name][skill=pastime] [Hero] could [skill] better than anyone at the [place].
  "Nobody can [skill] like me," [he] said every day. [boast_tired] / [oneday], a new [kid2] named
  [rival] came. [Rival] could not [skill] at all. Everyone laughed, and [hero] laughed too.
  [boast_sad] / "Do you remember when you could not [skill]?" asked [elder]. [boast_think] / So
  [hero] [walk] to [rival]. "Shall I show you how to [skill]?" [he] asked. [boast_learn] After that,
  [hero] did not boast anymore, and [he] had [rival] and [friend] to [skill] with.
kid2: child | neighbor | friend of [elder]
boast_tired: [Friend] was tired of it. | [Friend] did not like to hear that. | "You could help
  others," said [friend]. |
boast_sad: [Rival] felt [sad] and sat down alone [spot]. | [Rival] went away. Only [friend] did not
  laugh.
boast_think: [Hero] did remember, and [he] felt [sad]. | "Yes," [he] said [sadly]. "[Friend] helped
  me." | [Hero] said nothing, but [he] thought about it all night.
boast_learn: They tried all day, and [rival] got better and better. | [Rival] was [glad]. "You are a
  good teacher," he said.

feel_good: [Hero] was [glad]. | [Hero] felt [glad] and hugged [friend]. | "[Hooray]!" said [hero].
  | [Elder] was proud of [him]. | "Thank you, [friend]!" [hero] said [happily]. | They both laughed.
hooray: Hooray | Yes | What a day | I am so [glad]
closing: [dayend], [hero] [end_act]. [end_last] | [dayend], [hero] [end_act]. | [end_last]
end_act: put [his] [color] [garment] on the chair and fell asleep | told [elder] all about the
  [place] | hung up the [color] [garment] and smiled | and [friend] looked up at the moon over the
  [place] | was tired but [glad] | had [dish] with [friend] and [elder] | thought of [friend] and
  was [glad] | waved to [friend] and [walk] home
end_last: It had been a [sky] day, and a [good] one. | [Hero] and [friend] stayed best friends.
  | And that is how it was. The end. | They all lived happily. | [Hero] never forgot that [sky] day.
  | The end. | "Good night, [hero]," said [elder]. "Good night, [elder]."
)grammar";

}  // namespace data
