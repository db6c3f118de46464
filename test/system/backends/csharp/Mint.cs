using System;
using System.Text;

static class Mint
{
    static void Main(string[] args)
    {
        for (var i = 0; i < args.Length; i += 2)
        {
            var id = long.TryParse(args[i], out var number) && number.ToString() == args[i] ? (object)number : args[i];
            var token = args[i + 1] == "" ? ChatToken.Create(id) : ChatToken.Create(id, args[i + 1] == "null" ? null : args[i + 1]);
            Console.WriteLine(token + " " + ChatSignature.Of(id));
        }
    }
}
